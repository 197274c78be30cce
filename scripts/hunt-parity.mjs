// Looks for programs, beyond those that are recorded, that do under Gyre what CPython does not allow:
// `npm run parity:hunt -- --from=SEED --count=N`, with
//   --profile=NAME       one of test/parity/profiles.ts; without it, each seed has its own
//   --style=NAME         generators, async, mixed or mixedOtherwise; may be repeated; all but the first
//   --perturbations=N    how many runs of CPython to search, at most, for an order that explains an outcome
//   --witnesses          print what explains each outcome (test/parity/oracle/draws.py)
//   --shrink             make programs that nothing explains smaller, and show them with both traces
// Needs CPython 3.13 (python3.13, or what GYRE_PARITY_PYTHON names) and the compiled tests.

import { parseArgs } from 'node:util'

const built = new URL('../build/test/parity/', import.meta.url)
const load = (name) => import(new URL(name, built).href)

const { Hunt, styles } = await load('hunt.js')
const { listProgram } = await load('listing.js')
const { oracleVersion } = await load('oracle_process.js')
const { profiles } = await load('profiles.js')

const { values: given } = parseArgs({
  options: {
    profile: { type: 'string' },
    from: { type: 'string' },
    count: { type: 'string', default: '100' },
    style: { type: 'string', multiple: true, default: ['async', 'mixed', 'mixedOtherwise'] },
    perturbations: { type: 'string', default: '20000' },
    witnesses: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
  },
})
const [from, count, runs] = [given.from, given.count, given.perturbations].map(Number)
const profile = profiles.find(({ name }) => name === given.profile) ?? null
if (![from, count, runs].every(Number.isInteger)) {
  fail('usage: npm run parity:hunt -- --from=SEED --count=N; more in scripts/hunt-parity.mjs')
}
if (given.profile !== undefined && profile === null) {
  fail(`No such profile; there are: ${profiles.map(({ name }) => name).join('; ')}`)
}
for (const style of given.style) {
  if (!(style in styles)) fail(`No such style; there are: ${Object.keys(styles).join(', ')}`)
}
if (oracleVersion() === null) {
  fail('No CPython 3.13 found: install it, or name it in GYRE_PARITY_PYTHON.')
}

const hunt = new Hunt(runs)
const searches = []
let unexplained = 0
const seeds = Array.from({ length: count }, (_, index) => from + index)
for await (const hunted of hunt.differing(seeds, profile, given.style)) {
  const { program, style, sought } = hunted
  const name = `${program.seed}/${style}`
  if (sought !== null && sought.witness !== null) {
    searches.push(sought.runs)
    if (given.witnesses) console.log(`${name}: ${JSON.stringify(sought.witness)}`)
    continue
  }
  unexplained++
  console.log(`${name}: ${sought === null ? 'differs' : describe(sought)}`)
  if (given.shrink) await show(await hunt.shrink(program, style), style)
}
searches.sort((a, b) => a - b)
console.log(`${hunt.compared} outcomes of ${count} programs compared with CPython's own order.`)
console.log(
  `${searches.length + unexplained} differ from it; ${searches.length} are explained by another`,
)
if (searches.length > 0) {
  console.log(
    `  (after ${searches[searches.length >> 1]} runs in the median, ${searches.at(-1)} at most).`,
  )
}
console.log(`${unexplained} are not explained.`)
process.exitCode = unexplained === 0 ? 0 : 1
await hunt[Symbol.asyncDispose]()

function describe({ runs, matched, departed }) {
  const end = departed === null ? 'ends in another way' : `departs with "${departed}"`
  return `not explained by ${runs} runs; the best has ${matched} lines and ${end}`
}

async function show(program, style) {
  const [expected, actual] = await hunt.outcomes(program, style)
  console.log(listProgram(program).join('\n'))
  console.log(`CPython's trace, which ends with "${expected.end}":\n${expected.lines.join('\n')}`)
  console.log(`Gyre's, which ends with "${actual.end}":\n${actual.lines.join('\n')}`)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
