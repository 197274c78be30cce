// currentJob(): how the code of a module finds the job that it runs in.
//
// Jobs are tracked from the moment this module is loaded, which is when code that can ask is: an
// AsyncLocalStorage makes every promise of its thread dearer (Node 20), those of the pool and of jobs that
// never ask, too.

import { AsyncLocalStorage } from 'node:async_hooks'
import { RuntimeError } from '../errors/errors'
import { type Job, trackJobs, untrackedJob } from './job'

const jobs = new AsyncLocalStorage<Job>()
trackJobs((job, body) => jobs.run(job, body))

/** The job whose function is running. Throws RuntimeError outside of workers. */
export function currentJob(): Job {
  const job = jobs.getStore() ?? untrackedJob()
  if (job === null) {
    throw new RuntimeError('currentJob() is for code that a worker runs', 'ERR_NO_JOB')
  }
  return job
}
