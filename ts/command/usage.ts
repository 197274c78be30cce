// What the command says of itself, and of being used wrongly.

export const USAGE = `usage: gyre <command> [options]

  gyre run <file> [arguments]   runs the default export of a JavaScript or TypeScript file
  gyre repl                     reads, runs and prints, with await and yield* at the top level
  gyre info [--json]            says which backend is in use, and why

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
export class UsageError extends Error {}
