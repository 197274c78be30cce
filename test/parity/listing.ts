// A random program in a form to read: a line a statement, blocks indented.

import type { Program } from './program.js'

/** Coroutines and callbacks that are empty, as shrinking leaves them, are left out. */
export function listProgram(program: Program): string[] {
  const { profile, eager, coroutines, callbacks, resources } = program
  const lines = [`Profile "${profile}"${eager ? ', all tasks eager' : ''}`]
  for (const [index, body] of coroutines.entries()) {
    if (body.length > 0) lines.push(`c${index}:`, ...listBlock(body, '  '))
  }
  for (const [index, body] of callbacks.entries()) {
    if (body.length > 0) lines.push(`k${index}:`, ...listBlock(body, '  '))
  }
  resources.forEach(({ kind, size }, index) => {
    lines.push(`resource ${index}: ${kind} ${size}`)
  })
  return lines
}

function listBlock(block: readonly object[], indent: string): string[] {
  const lines: string[] = []
  for (const statement of block) {
    const { op, body, handler, cleanup, ...rest } = statement as { [key: string]: unknown }
    const details = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    lines.push(`${indent}${[op, ...details].join(' ')}`)
    for (const [name, inner] of Object.entries({ body, handler, cleanup })) {
      if (!Array.isArray(inner) || inner.length === 0) continue
      if (name !== 'body') lines.push(`${indent}${name}`)
      lines.push(...listBlock(inner, `${indent}  `))
    }
  }
  return lines
}
