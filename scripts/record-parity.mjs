// Records what CPython's asyncio makes of the random programs of test/parity: `npm run parity:record`.
// Needs CPython 3.13 (python3.13, or what GYRE_PARITY_PYTHON names) and the compiled tests
// (`npm run build:programs`). The tests replay the record without Python.

const built = new URL('../build/test/parity/', import.meta.url)
const load = (name) => import(new URL(name, built).href)

const { generate } = await load('generate.js')
const { Oracle, oracleVersion } = await load('oracle.js')
const { seedCount } = await load('profiles.js')
const { writeRecord } = await load('recording.js')

const version = oracleVersion()
if (version === null) {
  console.error('No CPython 3.13 found: install it, or name it in GYRE_PARITY_PYTHON.')
  process.exit(1)
}

console.log(`Running ${seedCount} programs under CPython ${version} …`)
const programs = Array.from({ length: seedCount }, (_, seed) => generate(seed))
const oracle = new Oracle()
const outcomes = await oracle.askAll(programs)
await oracle[Symbol.asyncDispose]()
writeRecord(version, outcomes)

const lines = outcomes.reduce((sum, outcome) => sum + outcome.lines.length, 0)
const deadlocks = outcomes.filter((outcome) => outcome.end === 'deadlock').length
console.log(`Recorded ${lines} lines of ${seedCount} programs, ${deadlocks} of which stand still.`)
