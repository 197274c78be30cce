// What the tour prints with.

const INDENT = '   '

let sections = 0

export function heading(text: string): void {
  sections++
  console.log(`\n${sections}. ${text}\n`)
}

export function say(...words: string[]): void {
  const indent = sections === 0 ? '' : INDENT
  console.log(indent + words.join(' '))
}

export function milliseconds(ms: number): string {
  return `${ms.toFixed(0)} ms`
}

/** Rows with their columns under each other: the last two or more stand on the right. */
export function printTable(rows: readonly (readonly string[])[], leftColumns = 2): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column < leftColumns ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    )
    console.log(INDENT + cells.join('   '))
  }
  console.log()
}
