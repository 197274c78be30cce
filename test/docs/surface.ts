// The public surface of the package, read from the declarations that it ships.

import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../packaging/repository.js'

/** Every export of an entry (`index`, `testing`) with the names of its members, inherited ones too. */
export function publicSurface(entry: string): Map<string, Set<string>> {
  const path = join(root, 'dist', `${entry}.d.ts`)
  const program = ts.createProgram([path], {
    module: ts.ModuleKind.NodeNext,
    skipLibCheck: true,
  })
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(program.getSourceFile(path)!)!
  return new Map(
    checker.getExportsOfModule(module).map((exported) => {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0
      const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported
      const type = checker.getDeclaredTypeOfSymbol(symbol)
      const members = checker.getPropertiesOfType(type).map(({ name }) => name)
      return [exported.name, new Set(members)]
    }),
  )
}
