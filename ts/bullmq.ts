// The public surface of gyre/bullmq: jobs for workers on other machines, over BullMQ on Redis. bullmq and
// ioredis are optional peer dependencies, needed only here.

export { BullExecutor, type BullExecutorOptions } from './bullmq/bull_executor'
export type { RedisConnection } from './bullmq/connection'
export { type JobTable, type ServeJobsOptions, serveJobs } from './bullmq/serve_jobs'
