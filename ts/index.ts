// The public surface of gyre. What is exported here is documented in docs/api.md and stays.

export type { BackendName } from './backend/backend'
export { type BackendInfo, backendInfo } from './backend/select'
export {
  type AsCompletedOptions,
  asCompleted,
  type CompletionOrder,
} from './combine/as_completed'
export { type EveryOptions, every } from './combine/every'
export {
  type GatherOptions,
  gather,
  type Outcomes,
  type Results,
} from './combine/gather'
export { shield } from './combine/shield'
export { type SleepOptions, sleep } from './combine/sleep'
export { TaskGroup, taskGroup } from './combine/taskgroup'
export { Timeout, timeout, timeoutAt, waitFor } from './combine/timeouts'
export { type ReturnWhen, type WaitOptions, type WaitResult, wait } from './combine/wait'
export {
  BrokenBarrierError,
  CancelledError,
  DeadlockError,
  EventLoopClosedError,
  GyreError,
  IncompleteReadError,
  InvalidStateError,
  isCancelled,
  KeyboardInterrupt,
  LimitOverrunError,
  NotSupportedError,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  RuntimeError,
  SystemExit,
  TimeoutError,
} from './errors/errors'
export { ExceptionGroup } from './errors/exception_group'
export {
  BrokenExecutorError,
  JobModuleError,
  NotSendableError,
  QueueConnectionError,
  WorkerDiedError,
} from './errors/executor_errors'
export { currentJob } from './executors/current_job'
export { Executor, type ExecutorOptions, type ExecutorShutdownOptions } from './executors/executor'
export type { Job } from './executors/job'
export type { JobFunction, ModuleFunction, StandaloneFunction } from './executors/job_function'
export { JobResults, type MapOptions, type MapSource } from './executors/map'
export {
  ProcessPoolExecutor,
  type ProcessPoolOptions,
  ThreadPoolExecutor,
  type ThreadPoolOptions,
} from './executors/pools'
export { type Submits, toThread } from './executors/run_in_executor'
export { transfer } from './executors/transfer'
export { Future, isFuture } from './future/future'
export { Operation } from './future/operation'
export type { ExceptionContext } from './loop/exception_handler'
export { Handle, TimerHandle } from './loop/handle'
export { EventLoop, type EventLoopOptions, type ExceptionHandler } from './loop/loop'
export { getEventLoop, getRunningLoop, newEventLoop, setEventLoop } from './loop/running'
export type {
  Connection,
  ConnectionOptions,
  ProtocolFactory,
  SocketOptions,
} from './net/connection'
export type {
  DatagramEndpoint,
  DatagramEndpointOptions,
  EndpointAddress,
} from './net/datagram_endpoint'
export type {
  DatagramAddress,
  DatagramExtraInfo,
  DatagramProtocol,
  DatagramSocketInfo,
  DatagramTransport,
} from './net/datagram_protocol'
export type { Descriptor } from './net/descriptors'
export type { ServerOptions } from './net/listen'
export type { AddressLookupOptions, NameInfo, NameLookupOptions } from './net/name_lookup'
export type { ReadTransport, WriteTransport } from './net/pipe_transport'
export { openReadPipe, openWritePipe, type PipeConnection, type ReadPipe } from './net/pipes'
export type {
  ExtraInfo,
  Protocol,
  SocketInfo,
  SocketName,
  Transport,
  Writable,
  WriteBufferLimits,
} from './net/protocol'
export type { SendableFile, SendfileOptions } from './net/sendfile'
export type { Separator } from './net/separators'
export { Server, type ServerSocket } from './net/server'
export { type ReaderOptions, StreamReader } from './net/stream_reader'
export { StreamWriter } from './net/stream_writer'
export {
  openConnection,
  openUnixConnection,
  type StreamHandler,
  type StreamOptions,
  type StreamPair,
  type StreamServerOptions,
  startServer,
  startUnixServer,
} from './net/streams'

import './loop/signals'

export type { TlsClientOptions, TlsServerOptions, TlsTimeouts } from './tls/options'
export type { StartTlsOptions } from './tls/start_tls'

import './net/name_lookup'
import './net/connection'
import './net/sendfile'
import './run/default_executor'
import './run/grace'
import './net/datagram_endpoint'
import './net/descriptors'
import './run/until_complete'

export {
  createSubprocessExec,
  createSubprocessShell,
  Process,
  type ProcessOutput,
  type ProcessStreamOptions,
} from './process/process'
export type { Subprocess } from './process/subprocess'
export {
  DEVNULL,
  PIPE,
  STDOUT,
  type Stdio,
  type SubprocessOptions,
  type SubprocessShellOptions,
} from './process/subprocess_options'
export type { SubprocessProtocol, SubprocessTransport } from './process/subprocess_protocol'
export { LifoQueue, PriorityQueue } from './queues/ordered_queues'
export { Queue } from './queues/queue'
export { asyncGenerator } from './run/async_generators'
export {
  type MainOptions,
  Runner,
  type RunnerOptions,
  type RunOptions,
  run,
  type ShutdownOptions,
} from './run/runner'
export { type ServeOptions, ServerGroup, serve } from './serve/serve'
export type { ServerWorker } from './serve/server_worker'
export { Barrier } from './sync/barrier'
export { Condition } from './sync/condition'
export { Event } from './sync/event'
export { Guard } from './sync/guard'
export { Lock } from './sync/lock'
export { BoundedSemaphore, Semaphore } from './sync/semaphore'
export type { Awaitable, Coro, Coroutine, CoroutineFunction, ResultOf } from './task/coroutine'
export { allTasks, createTask, ensureFuture, wrap } from './task/create'
export { currentTask } from './task/current'
export type { TaskFactory } from './task/factory'
export type { TaskOptions } from './task/options'
export { Task } from './task/task'
