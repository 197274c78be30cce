// Finds and loads the C++ addon, and holds its surface: see native/binding/module.cc.
//
// No binary for this platform means the fallback, and so does a process that may load none. A binary that
// is there but does not load, or does not fit this version, is a fault of the installation and throws:
// falling back would hide it.

import path from 'node:path'
import { GyreError } from '../errors/errors'
import { CONTROL_WORDS, Control, ENTRY_BYTES, JS_KIND } from './ready_ring'

/** A loop of the addon. Numbers below zero are negated errnos. */
export interface NativeLoop {
  setReadyRing(buffer: ArrayBuffer): void
  setReceiveSlab(buffer: ArrayBuffer): void
  setSendSlab(buffer: ArrayBuffer): void
  setActive(active: boolean): void
  wake(): void
  flush(): void
  poll(): void
  advance(): number
  /** Here and in connect, a port of -1 says that the address is a path. */
  listen(address: string, port: number, backlog: number, flags: number): number
  connect(address: string, port: number, localIp: string | null, localPort: number): number
  write(slot: number, generation: number, data: Uint8Array): number
  sendFile(slot: number, generation: number, fd: number, offset: number, count: number): number
  surrender(slot: number, generation: number): number
  pendingBytes(slot: number, generation: number): number
  address(slot: number, generation: number, peer: boolean): NativeAddress | number
  /** 'peer port own port' of a TCP connection. */
  addresses(slot: number, generation: number): string | number
  setOption(
    slot: number,
    generation: number,
    option: number,
    value: number,
    delaySeconds: number,
  ): number
  setDatagramSlab(buffer: ArrayBuffer): void
  openDatagram(
    localIp: string,
    localPort: number,
    remoteIp: string | null,
    remotePort: number,
    flags: number,
  ): number
  datagramPendingBytes(slot: number, generation: number): number
  datagramAddress(slot: number, generation: number, peer: boolean): NativeAddress | number
  setDatagramOption(slot: number, generation: number, option: number, value: number): number
  getDatagramOption(slot: number, generation: number, option: number): number
  setMembership(
    slot: number,
    generation: number,
    joins: number,
    group: string,
    interfaceIp: string | null,
    sourceIp: string | null,
  ): number
  setMulticastInterface(slot: number, generation: number, interfaceIp: string): number
  encodeAddress(ip: string, into: Uint8Array): number
  decodeAddress(record: Uint8Array): NativeAddress | number
  watchDescriptor(fd: number, interest: number): number
  setDescriptorInterest(slot: number, generation: number, interest: number): number
  openPipe(fd: number, isWrite: boolean, closes: boolean): number
  close(): void
}

export interface NativeAddress {
  address: string
  family: 'IPv4' | 'IPv6' | 'Unix'
  port: number
}

export interface Addon {
  readonly layout: Layout
  createLoop(
    control: ArrayBuffer,
    ready: ArrayBuffer,
    submit: ArrayBuffer,
    options: { clockOriginNs: number; virtual: boolean },
    onVisit: () => void,
  ): NativeLoop
}

/** The constants that both sides need; this side's are asserted against them at load. */
export interface Layout {
  readonly version: number
  readonly entryBytes: number
  readonly controlWords: number
  readonly addressRecordBytes: number
  readonly receiveSlabBytes: number
  readonly datagramSlabBytes: number
  /** Kinds below are native code's. */
  readonly firstForeignKind: number
  readonly fileErrorBits: number
  readonly control: Readonly<Record<string, number>>
  readonly kinds: Readonly<Record<string, number>>
  readonly ops: Readonly<Record<string, number>>
  readonly operations: Readonly<Record<string, number>>
  readonly datagramOptions: Readonly<Record<string, number>>
}

/** Ready entries that native code makes. */
export const NativeKind = {
  TIMER: 1,
  ACCEPTED: 2,
  CONNECTED: 3,
  READ: 4,
  EOF: 5,
  PENDING: 6,
  DRAINED: 7,
  CLOSED: 8,
  ACCEPT_FAILED: 9,
  FILE_SENT: 10,
  DATAGRAM: 16,
  DATAGRAM_FAILED: 17,
  DATAGRAM_PENDING: 18,
  DATAGRAM_DRAINED: 19,
  DATAGRAM_CLOSED: 20,
  DESCRIPTOR_READY: 24,
} as const

/** Submissions that native code takes. */
export const NativeOp = {
  TIMER_ARM: 1,
  TIMER_CANCEL: 2,
  SEND: 3,
  READ_START: 4,
  READ_STOP: 5,
  SHUTDOWN: 6,
  CLOSE: 7,
  ABORT: 8,
  WATCH_DRAIN: 9,
  LISTEN_CLOSE: 10,
  LISTEN_RESUME: 11,
  LISTEN_PAUSE: 12,
  DATAGRAM_SEND: 32,
  DATAGRAM_START: 33,
  DATAGRAM_CLOSE: 34,
  DATAGRAM_ABORT: 35,
  DATAGRAM_WATCH_DRAIN: 36,
} as const

/** Which operation ended a stream. */
export const NativeOperation = { CONNECT: 1, READ: 2, WRITE: 3, BIND: 4 } as const

/** FILE_SENT has two operands: 56 bits of a count, and above them so many of an errno. */
export const FILE_ERROR_BITS = 8

/** Options of UDP sockets, by the names of the contract. */
export const NativeDatagramOption = {
  broadcast: 1,
  ttl: 2,
  multicastTtl: 3,
  multicastLoopback: 4,
  receiveBufferBytes: 5,
  sendBufferBytes: 6,
} as const

const LAYOUT_VERSION = 1

export type Found = { addon: Addon; reason: null } | { addon: null; reason: string }

let found: Found | null = null

/** The addon, or why there is none. Throws if there is one that cannot be used. */
export function findAddon(): Found {
  found ??= load()
  return found
}

function load(): Found {
  const root = path.resolve(__dirname, '..', '..')
  const nodeGypBuild = require('node-gyp-build') as {
    resolve(directory: string): string
  }
  let file: string
  try {
    file = nodeGypBuild.resolve(root)
  } catch {
    const platform = `${process.platform}-${process.arch}`
    const remedy = 'with a C++ compiler installed, `npm rebuild gyre` compiles it'
    return { addon: null, reason: `there is no native binary for ${platform}; ${remedy}` }
  }
  let addon: Addon
  try {
    addon = require(file) as Addon
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_DLOPEN_DISABLED') {
      const flags = '--no-addons, or --permission without --allow-addons'
      return { addon: null, reason: `this process may not load native binaries (${flags})` }
    }
    const remedy = '`npm rebuild gyre` may mend it, GYRE_BACKEND=fallback does without it'
    const message = `the native binary ${file} does not load; ${remedy}`
    throw new GyreError(message, 'ERR_NATIVE_BROKEN', { cause: error })
  }
  checkLayout(addon.layout, file)
  return { addon, reason: null }
}

function checkLayout(layout: Layout, file: string): void {
  const { control } = layout
  const words: Record<string, number | undefined> = {
    READY_HEAD: control.readyHead,
    READY_TAIL: control.readyTail,
    SUBMIT_HEAD: control.submitHead,
    SUBMIT_TAIL: control.submitTail,
    ASLEEP: control.asleep,
    RESULT_SLOT: control.resultSlot,
    RESULT_GENERATION: control.resultGeneration,
    RECEIVE_KEPT: control.receiveKept,
    RECEIVE_SLAB_SPENT: control.receiveSlabSpent,
  }
  const matches =
    layout.version === LAYOUT_VERSION &&
    layout.entryBytes === ENTRY_BYTES &&
    layout.controlWords === CONTROL_WORDS &&
    layout.firstForeignKind === JS_KIND &&
    layout.fileErrorBits === FILE_ERROR_BITS &&
    agrees(Control, words) &&
    agrees(NativeKind, layout.kinds) &&
    agrees(NativeOp, layout.ops) &&
    agrees(NativeOperation, layout.operations) &&
    agrees(NativeDatagramOption, layout.datagramOptions)
  if (matches) return
  const remedy = '`npm rebuild gyre` builds it anew'
  const message = `the native binary ${file} belongs to another version of Gyre: ${remedy}`
  throw new GyreError(message, 'ERR_NATIVE_BROKEN')
}

function agrees(
  ours: Record<string, number>,
  theirs: Readonly<Record<string, number | undefined>>,
): boolean {
  return Object.entries(ours).every(([name, value]) => theirs[name] === value)
}
