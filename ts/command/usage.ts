// What the command says of itself, and of being used wrongly.

export const USAGE = `usage: gyre <command> [options]

  gyre run <file> [arguments]   runs the default export of a JavaScript or TypeScript file
  gyre repl                     reads, runs and prints, with await and yield* at the top level
  gyre worker <module>          runs the functions it exports as jobs of a queue in Redis
  gyre info [--json]            says which backend is in use, and why

options of gyre worker
  --queue=<name>                the queue; gyre unless given
  --redis=<url>                 redis://127.0.0.1:6379 unless given
  --concurrency=<n>             how many jobs run at once; 8 unless given
  --lock-ms=<n>                 when a worker counts as dead; 30000 unless given

options
  --backend=native|fallback     chooses the backend, as GYRE_BACKEND does
  --debug                       switches the debug mode on, as GYRE_DEBUG=1 does
  -h, --help                    prints this
  -v, --version                 prints the version

exit codes
  0    all went well            1    the program failed
  2    used wrongly             130  interrupted by SIGINT
  n    the program threw SystemExit(n)
`

/** The command was used wrongly: it says so on stderr and exits with code 2. */
export class UsageError extends Error {
  constructor(
    message: string,
    /** What to do about it. The whole usage would hide what is wrong. */
    readonly help = '`gyre --help` says how it is used',
  ) {
    super(message)
  }
}
