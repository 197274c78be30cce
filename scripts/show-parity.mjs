// Shows a random program of test/parity and where its traces part: `npm run parity:show -- SEED`.
// With --shrink it makes the program smaller first, as long as the traces still differ.
// Needs CPython 3.13 (python3.13, or what GYRE_PARITY_PYTHON names) and the compiled tests.

const built = new URL('../build/test/parity/', import.meta.url)
const load = (name) => import(new URL(name, built).href)

const { firstDifference } = await load('compare.js')
const { generate } = await load('generate.js')
const { generators } = await load('interpret.js')
const { listProgram } = await load('listing.js')
const { Oracle } = await load('oracle.js')
const { oracleVersion } = await load('oracle_process.js')
const { cutTo, differs } = await load('recording.js')
const { runProgram } = await load('run_program.js')
const { shrink } = await load('shrink.js')

const options = process.argv.slice(2)
const seed = Number(options.find((option) => /^\d+$/.test(option)))
if (!Number.isInteger(seed)) {
  console.error('usage: npm run parity:show -- SEED [--shrink] [--whole]')
  process.exit(1)
}
if (oracleVersion() === null) {
  console.error('No CPython 3.13 found: install it, or name it in GYRE_PARITY_PYTHON.')
  process.exit(1)
}

const oracle = new Oracle()
let program = generate(seed)
if (options.includes('--shrink')) {
  program = await shrink(program, async (smaller) =>
    differs(await oracle.ask(smaller), await runProgram(smaller, generators)),
  )
}

console.log(listProgram(program).join('\n'))
const expected = await oracle.ask(program)
const actual = await runProgram(program, generators)
const lines = cutTo({ end: expected.end, lineCount: expected.lines.length }, actual)
if (options.includes('--whole')) console.log(`\nCPython's trace:\n${expected.lines.join('\n')}`)
console.log(`\nCPython ends with "${expected.end}", Gyre with "${actual.end}".`)
if (differs(expected, actual)) console.log(firstDifference(expected.lines, lines))
else console.log('The traces are the same.')
await oracle[Symbol.asyncDispose]()
