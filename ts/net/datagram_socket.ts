// The options of a UDP socket, by the names of node:dgram, checked.

import type { DatagramHandle } from '../backend/datagram_contract'
import { checkInteger, invalidType } from '../errors/arguments'
import type { DatagramSocketInfo } from './datagram_protocol'
import type { SocketName } from './protocol'

const BUFFER_BYTES_MAX = 0x3fffffff

export class DatagramSocket implements DatagramSocketInfo {
  constructor(
    private readonly handle: DatagramHandle,
    private readonly sockname: () => SocketName | null,
    private readonly peername: SocketName | null,
  ) {}

  getsockname(): SocketName | null {
    return this.sockname()
  }

  getpeername(): SocketName | null {
    return this.peername
  }

  setBroadcast(enabled = true): void {
    this.handle.setOption('broadcast', enabled ? 1 : 0)
  }

  setTTL(ttl: number): void {
    checkInteger('ttl', ttl, 1, 255)
    this.handle.setOption('ttl', ttl)
  }

  setMulticastTTL(ttl: number): void {
    checkInteger('ttl', ttl, 0, 255)
    this.handle.setOption('multicastTtl', ttl)
  }

  setMulticastLoopback(enabled = true): void {
    this.handle.setOption('multicastLoopback', enabled ? 1 : 0)
  }

  setMulticastInterface(interfaceAddress: string): void {
    checkText('interfaceAddress', interfaceAddress)
    this.handle.setMulticastInterface(interfaceAddress)
  }

  addMembership(group: string, interfaceAddress?: string): void {
    this.setMembership(true, null, group, interfaceAddress)
  }

  dropMembership(group: string, interfaceAddress?: string): void {
    this.setMembership(false, null, group, interfaceAddress)
  }

  addSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void {
    checkText('source', source)
    this.setMembership(true, source, group, interfaceAddress)
  }

  dropSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void {
    checkText('source', source)
    this.setMembership(false, source, group, interfaceAddress)
  }

  setRecvBufferSize(bytes: number): void {
    checkInteger('bytes', bytes, 1, BUFFER_BYTES_MAX)
    this.handle.setOption('receiveBufferBytes', bytes)
  }

  setSendBufferSize(bytes: number): void {
    checkInteger('bytes', bytes, 1, BUFFER_BYTES_MAX)
    this.handle.setOption('sendBufferBytes', bytes)
  }

  getRecvBufferSize(): number {
    return this.handle.getOption('receiveBufferBytes')
  }

  getSendBufferSize(): number {
    return this.handle.getOption('sendBufferBytes')
  }

  private setMembership(
    joins: boolean,
    source: string | null,
    group: string,
    interfaceAddress?: string,
  ): void {
    checkText('group', group)
    if (interfaceAddress !== undefined) checkText('interfaceAddress', interfaceAddress)
    const where = interfaceAddress ?? null
    this.handle.setMembership(joins, { group, interfaceAddress: where, source })
  }
}

function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string') throw invalidType(name, 'a string', value)
}
