// What a child process is given: the options of subprocessExec, subprocessShell and the functions above
// them, checked at the call and put in the form that node:child_process takes.

import type { SpawnOptions } from 'node:child_process'
import { checkInteger, checkSwitch, invalidType } from '../errors/arguments'
import { DESCRIPTOR_MAX } from '../net/descriptors'

/** A pipe between the child and this process, as asyncio.subprocess.PIPE. */
export const PIPE = 'pipe' as const
/** Nothing to read, and nowhere to write to, as asyncio.subprocess.DEVNULL. */
export const DEVNULL = 'ignore' as const
/** For stderr: the same as stdout, as asyncio.subprocess.STDOUT. */
export const STDOUT = 'stdout' as const

/**
 * What a standard stream of the child is: 'pipe' (PIPE), 'ignore' (DEVNULL), 'inherit' for that of this
 * process, a file descriptor, or what has one as `fd` (a FileHandle).
 */
export type Stdio = typeof PIPE | typeof DEVNULL | 'inherit' | number | { readonly fd: number }

export interface SubprocessOptions {
  /** By default 'pipe' for a protocol, 'inherit' for streams, as all three. */
  stdin?: Stdio | undefined
  stdout?: Stdio | undefined
  stderr?: Stdio | typeof STDOUT | undefined
  /** The directory in which it runs; by default that of this process. */
  cwd?: string | URL | undefined
  /** Its whole environment; by default that of this process. */
  env?: NodeJS.ProcessEnv | undefined
  /** The user and the group that it runs as, where this process may choose (setuid(2)). */
  uid?: number | undefined
  gid?: number | undefined
  /** What it sees as its own name, `argv[0]`. */
  argv0?: string | undefined
  /** Whether it leads a session and process group of its own (setsid(2)). */
  detached?: boolean | undefined
}

export interface SubprocessShellOptions extends SubprocessOptions {
  /** The shell; by default /bin/sh, and on Windows what ComSpec names. */
  shell?: string | undefined
}

/** All that is needed to start the child. */
export interface SpawnPlan {
  readonly program: string
  readonly args: readonly string[]
  readonly stdio: readonly [StdioEntry, StdioEntry, StdioEntry]
  /** stdout and stderr are one pipe. */
  readonly joinsOutputs: boolean
  readonly options: SpawnOptions
}

/** An entry of Node's `stdio`. */
export type StdioEntry = typeof PIPE | typeof DEVNULL | 'inherit' | number

/** What the streams of the child are that nothing is said of. */
export type StdioDefault = typeof PIPE | 'inherit'

/** Options that asyncio and Node know, and that mean something else here or nothing. */
const REFUSED = {
  shell: 'left out: use createSubprocessShell for a command line',
  stdio: 'left out: use stdin, stdout and stderr',
} as const

export function planExec(
  program: string,
  args: readonly string[],
  options: SubprocessOptions,
  unset: StdioDefault,
): SpawnPlan {
  checkText('program', program)
  if (program === '') throw invalidType('program', 'the name of a program', program)
  if (!Array.isArray(args)) throw invalidType('args', 'an array of strings', args)
  for (const [index, arg] of args.entries()) checkText(`args[${index}]`, arg)
  checkRefused(options, ['shell', 'stdio'])
  return { program, args: [...args], ...planOptions(options, {}, unset) }
}

export function planShell(
  command: string,
  options: SubprocessShellOptions,
  unset: StdioDefault,
): SpawnPlan {
  checkText('command', command)
  if (command === '') throw invalidType('command', 'a command line', command)
  checkRefused(options, ['stdio'])
  if (options.shell !== undefined) checkText('options.shell', options.shell)
  // Node takes it for no shell at all.
  if (options.shell === '') throw invalidType('options.shell', 'the name of a shell', '')
  const plan = planOptions(options, { shell: options.shell ?? true }, unset)
  return { program: command, args: [], ...plan }
}

function planOptions(
  options: SubprocessOptions,
  more: SpawnOptions,
  unset: StdioDefault,
): Pick<SpawnPlan, 'stdio' | 'joinsOutputs' | 'options'> {
  const { stdin = unset, stdout = unset, stderr = unset } = options
  const { cwd, env, uid, gid, argv0, detached } = options
  if (cwd !== undefined && !(cwd instanceof URL)) checkText('options.cwd', cwd)
  if (env !== undefined) checkEnvironment(env)
  if (uid !== undefined) checkInteger('options.uid', uid, 0)
  if (gid !== undefined) checkInteger('options.gid', gid, 0)
  if (argv0 !== undefined) checkText('options.argv0', argv0)
  checkSwitch('options.detached', detached)
  const output = stdioEntry('stdout', stdout, 1)
  const joinsOutputs = stderr === STDOUT && output === PIPE
  const error = stderr === STDOUT ? output : stdioEntry('stderr', stderr, 2)
  const given = Object.entries({ cwd, env, uid, gid, argv0, detached })
  const present = Object.fromEntries(given.filter(([, value]) => value !== undefined))
  return {
    stdio: [stdioEntry('stdin', stdin, 0), output, error],
    joinsOutputs,
    options: { ...present, ...more },
  }
}

function stdioEntry(name: string, value: unknown, inherited: number): StdioEntry {
  if (value === 'inherit') return inherited
  if (value === PIPE || value === DEVNULL) return value
  const fd = typeof value === 'object' && value !== null ? (value as { fd?: unknown }).fd : value
  if (typeof fd === 'number') {
    checkInteger(`options.${name}`, fd, 0, DESCRIPTOR_MAX)
    return fd
  }
  const ways = name === 'stderr' ? ", 'stdout'" : ''
  const expected = `'pipe', 'ignore', 'inherit'${ways}, a file descriptor, or an object that has one`
  throw invalidType(`options.${name}`, expected, value)
}

function checkRefused(options: object, names: readonly (keyof typeof REFUSED)[]): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options)
  }
  for (const name of names) {
    const value = (options as Record<string, unknown>)[name]
    if (value !== undefined) throw invalidType(`options.${name}`, REFUSED[name], value)
  }
}

function checkEnvironment(env: unknown): void {
  if (typeof env !== 'object' || env === null) throw invalidType('options.env', 'an object', env)
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined) checkText(`options.env.${name}`, value)
  }
}

/** The system ends strings at a null byte: what stands behind one would be lost. */
function checkText(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || value.includes('\0')) {
    throw invalidType(name, 'a string without null bytes', value)
  }
}
