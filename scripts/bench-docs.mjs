// `npm run bench:docs`: writes docs/benchmarks.md from the results in bench/results.

import { runProgram } from './programs/run-program.mjs'

process.exitCode = await runProgram('build/bench/write_docs.js', [])
