// Shows a random program of test/parity and where its traces part: `npm run parity:show -- SEED`.
// With --shrink it makes the program smaller first, as long as the traces still differ.
// Needs CPython 3.13 (python3.13, or what GYRE_PARITY_PYTHON names) and the compiled tests.

const built = new URL('../build/test/parity/', import.meta.url)
const load = (name) => import(new URL(name, built).href)

const { firstDifference } = await load('compare.js')
const { generate } = await load('generate.js')
const { generators } = await load('interpret.js')
const { Oracle, oracleVersion } = await load('oracle.js')
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

printProgram(program)
const expected = await oracle.ask(program)
const actual = await runProgram(program, generators)
const lines = cutTo({ end: expected.end, lineCount: expected.lines.length }, actual)
if (options.includes('--whole')) console.log(`\nCPython's trace:\n${expected.lines.join('\n')}`)
console.log(`\nCPython ends with "${expected.end}", Gyre with "${actual.end}".`)
if (differs(expected, actual)) console.log(firstDifference(expected.lines, lines))
else console.log('The traces are the same.')
await oracle[Symbol.asyncDispose]()

function printProgram({ profile, eager, coroutines, callbacks, resources }) {
  console.log(`Profile "${profile}"${eager ? ', all tasks eager' : ''}`)
  coroutines.forEach((body, index) => {
    console.log(`c${index}:`)
    printBlock(body, '  ')
  })
  callbacks.forEach((body, index) => {
    if (body.length > 0) console.log(`k${index}:`)
    printBlock(body, '  ')
  })
  resources.forEach(({ kind, size }, index) => {
    console.log(`resource ${index}: ${kind} ${size}`)
  })
}

function printBlock(block, indent) {
  for (const { op, body, handler, cleanup, ...rest } of block) {
    const details = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    console.log(`${indent}${[op, ...details].join(' ')}`)
    for (const [name, inner] of Object.entries({ body, handler, cleanup })) {
      if (inner === undefined || inner === null || inner.length === 0) continue
      if (name !== 'body') console.log(`${indent}${name}`)
      printBlock(inner, `${indent}  `)
    }
  }
}
