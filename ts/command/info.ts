// gyre info: which backend is in use, and why; for people, or with --json for programs.

import { backendInfo } from '../backend/select'
import { UsageError } from './usage'

export async function printInfo(words: readonly string[]): Promise<void> {
  const [option, ...rest] = words
  const isJson = option === '--json'
  if ((option !== undefined && !isJson) || rest.length > 0) {
    throw new UsageError(`gyre info does not take ${words.join(' ')}`)
  }
  const { name, poller, version, reason } = backendInfo()
  const platform = `${process.platform} ${process.arch}`
  const { node, uv, v8 } = process.versions
  const found = { gyre: version, backend: name, poller, reason, node, uv, v8, platform }
  console.log(isJson ? JSON.stringify(found, null, 2) : asLines(found))
}

function asLines(found: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(found)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key.padEnd(9)}${value}`)
    .join('\n')
}
