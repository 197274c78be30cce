// docs/api.md mentions every export of `gyre`, `gyre/testing` and `gyre/node`, and every public member of
// the classes and interfaces among them, and docs/guide/errors.md every code. What is exported is read
// from the declarations that the package ships.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import ts from 'typescript'
import { readSource, root, sourceFiles } from '../packaging/repository.js'

const entries = ['index', 'testing', 'node', 'bullmq'].map((name) =>
  join(root, 'dist', `${name}.d.ts`),
)
const program = ts.createProgram(entries, { module: ts.ModuleKind.NodeNext, skipLibCheck: true })
const checker = program.getTypeChecker()

/** The inline code and the code blocks of the document: a word in its prose mentions nothing. */
const code = Array.from(
  readSource('docs/api.md').matchAll(/```[\s\S]*?```|`[^`\n]+`/g),
  (match) => match[0],
).join('\n')

function isMentioned(name: string): boolean {
  return new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(code)
}

function exportsOf(path: string): ts.Symbol[] {
  const module = checker.getSymbolAtLocation(program.getSourceFile(path)!)!
  return checker.getExportsOfModule(module).map((symbol) => {
    return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  })
}

/** The members that the package itself declares; those of Error and AggregateError are known. */
function membersOf(symbol: ts.Symbol): string[] {
  const isShape = symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)
  if (!isShape) return []
  return checker
    .getDeclaredTypeOfSymbol(symbol)
    .getProperties()
    .filter((member) => {
      const declaration = member.declarations?.[0]
      if (declaration === undefined || /^(_|#)/.test(member.name)) return false
      const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected
      const isHidden = ts.getCombinedModifierFlags(declaration) & hidden
      return !isHidden && declaration.getSourceFile().fileName.startsWith(join(root, 'dist'))
    })
    .map((member) => member.name)
}

for (const path of entries) {
  for (const symbol of exportsOf(path)) {
    test(`docs/api.md mentions ${symbol.name} and its members`, () => {
      const names = [symbol.name, ...membersOf(symbol)]
      assert.deepEqual(
        names.filter((name) => !isMentioned(name)),
        [],
      )
    })
  }
}

test('docs/guide/errors.md names every code of an error or a warning', () => {
  const sources = sourceFiles('ts', ['.ts']).map(readSource).join('\n')
  const codes = new Set(
    Array.from(sources.matchAll(/'((?:ERR|GYRE)_[A-Z_]+)'/g), (match) => match[1]!),
  )
  const errors = readSource('docs/guide/errors.md')
  assert.notEqual(codes.size, 0)
  // Environment variables are no codes, but quoted like them where a message names one.
  codes.delete('GYRE_BACKEND')
  assert.deepEqual(
    [...codes].filter((code) => !errors.includes(`\`${code}\``)),
    [],
  )
})
