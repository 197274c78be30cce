// Records what CPython's asyncio makes of the random programs of test/parity: `npm run parity:record`.
// Needs CPython 3.13 (python3.13, or what GYRE_PARITY_PYTHON names) and the compiled tests
// (`npm run build:programs`). The tests replay the record without Python.
//
// First the traces, within a minute; then, unless --traces-only is given, which programs are settled
// (see test/parity/oracle/perturbation.py), which takes some minutes.

const built = new URL('../build/test/parity/', import.meta.url)
const load = (name) => import(new URL(name, built).href)

const { generate } = await load('generate.js')
const { Oracle } = await load('oracle.js')
const { oracleVersion } = await load('oracle_process.js')
const { seedCount } = await load('profiles.js')
const { projectsAlike } = await load('projection.js')
const { settledEvery, writeRecord, writeSettled } = await load('recording.js')

/** How often a program is perturbed before it counts as settled. */
const perturbations = 40

const version = oracleVersion()
if (version === null) {
  console.error('No CPython 3.13 found: install it, or name it in GYRE_PARITY_PYTHON.')
  process.exit(1)
}

console.log(`Running ${seedCount} programs under CPython ${version} …`)
const programs = Array.from({ length: seedCount }, (_, seed) => generate(seed))
const outcomes = await askAll(new Oracle(), programs)
writeRecord(version, outcomes)
const lines = outcomes.reduce((sum, outcome) => sum + outcome.lines.length, 0)
console.log(`Recorded ${lines} lines of ${seedCount} programs.`)
for (const end of ['returned', 'deadlock', 'interrupt', 'hang']) {
  console.log(`  ${end}: ${outcomes.filter((outcome) => outcome.end === end).length}`)
}

if (!process.argv.includes('--traces-only')) await recordSettled()

async function recordSettled() {
  let settled = programs.filter(({ seed }) => seed % settledEvery === 0 && isWithoutRepeats(seed))
  const asked = settled.length
  for (let perturbation = 1; perturbation <= perturbations; perturbation++) {
    const perturbed = await askAll(new Oracle(perturbation), settled)
    settled = settled.filter(({ seed }, index) => projectsAlike(outcomes[seed], perturbed[index]))
  }
  writeSettled(settled.map(({ seed }) => seed))
  console.log(`${settled.length} of ${asked} depend on no order of events within an instant.`)
}

/** An async function that is given twice runs twice, unlike a coroutine object. */
function isWithoutRepeats(seed) {
  return !JSON.stringify(programs[seed]).includes('"again"')
}

async function askAll(oracle, some) {
  const answers = await oracle.askAll(some)
  await oracle[Symbol.asyncDispose]()
  return answers
}
