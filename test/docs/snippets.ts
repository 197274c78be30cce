// The TypeScript in README.md and docs/, as programs: found in the text, written to a directory below
// build/ (where `gyre` can be imported by its name), type-checked and compiled together.
//
// A block that opens with ```ts is a whole program; if a ```text block follows it, that is what it
// prints. One that opens with ```ts fragment is only type-checked.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { readSource, root, sourceFiles } from '../packaging/repository.js'

export interface Snippet {
  /** The document, and the line of the opening fence: 'docs/guide/errors.md:12'. */
  readonly place: string
  readonly source: string
  readonly isWhole: boolean
  /** What it prints, if the document says so. */
  readonly output: string | null
}

/** Every Markdown file that users read. */
export const documents = ['README.md', 'CHANGELOG.md', ...sourceFiles('docs', ['.md'])]

const BLOCK = /^```(ts|ts fragment)\n([\s\S]*?)^```\n(?:\n*```text\n([\s\S]*?)^```$)?/gm

export function snippetsOf(path: string): Snippet[] {
  const text = readSource(path)
  return Array.from(text.matchAll(BLOCK), (match) => {
    const [, kind, source = '', output] = match
    const line = text.slice(0, match.index).split('\n').length
    return {
      place: `${path}:${line}`,
      source,
      isWhole: kind === 'ts',
      output: output?.trimEnd() ?? null,
    }
  })
}

function compilerOptions(): ts.CompilerOptions {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, 'tsconfig.test.json'),
    // A fragment may show a declaration that nothing uses.
    { incremental: false, noUnusedLocals: false, noUnusedParameters: false },
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (diagnostic) => assert.fail(textOf(diagnostic)),
    },
  )
  const { tsBuildInfoFile: _, rootDir: __, outDir: ___, ...options } = config!.options
  return options
}

function textOf(diagnostic: ts.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
}

/**
 * Type-checks and compiles all snippets. Gives the path of each one's JavaScript, and what tsc says
 * against them, with the places in the documents.
 */
export function compile(snippets: readonly Snippet[]): { paths: string[]; errors: string[] } {
  mkdirSync(join(root, 'build'), { recursive: true })
  const directory = mkdtempSync(join(root, 'build', 'docs-'))
  const files = new Map<string, Snippet>()
  for (const [index, snippet] of snippets.entries()) {
    const file = join(directory, `${index}.ts`)
    writeFileSync(file, snippet.source)
    files.set(file, snippet)
  }
  const options = { ...compilerOptions(), rootDir: directory, outDir: directory }
  const program = ts.createProgram([...files.keys()], options)
  const errors = ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const snippet = files.get(diagnostic.file?.fileName ?? '')
    const line = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line ?? 0
    return `${snippet?.place ?? 'tsc'}, line ${line + 1} of it: ${textOf(diagnostic)}`
  })
  program.emit()
  return { paths: snippets.map((_, index) => join(directory, `${index}.js`)), errors }
}
