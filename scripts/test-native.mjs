// `npm run test:native`: builds the native core with CMake and runs its unit tests, by default and
// then under AddressSanitizer and UBSan. Arguments choose other presets of CMakePresets.json.

import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const presetsWanted = process.argv.slice(2)
const presets = presetsWanted.length > 0 ? presetsWanted : ['default', 'asan']

function run(command, commandArguments) {
  console.log(`$ ${command} ${commandArguments.join(' ')}`)
  const { status, error } = spawnSync(command, commandArguments, { cwd: root, stdio: 'inherit' })
  if (error) console.error(`gyre: ${error.message}`)
  if (status !== 0) process.exit(1)
}

for (const preset of presets) {
  run('cmake', ['--preset', preset])
  run('cmake', ['--build', '--preset', preset, '--parallel', `${availableParallelism()}`])
  run('ctest', ['--preset', preset, '--output-on-failure'])
}
