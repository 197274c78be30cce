// `npm start`: builds what is missing or stale, then runs the tour. Its exit code is the tour's.

import { runProgram } from './programs/run-program.mjs'

process.exitCode = await runProgram('build/examples/tour.js', process.argv.slice(2))
