// `npm run bench`: builds what is missing or stale, then runs the comparison with the arguments
// given. The exit code is the benchmark's.

import { runProgram } from './programs/run-program.mjs'

process.exitCode = await runProgram('build/bench/compare.js', process.argv.slice(2))
