// Tells whether an output is up to date: a stamp file beside it holds a digest of the path, size
// and modification time of every input. Unlike "newer than", it also notices a file that was
// removed. Knows nothing of what is built from the inputs.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Every file under the given paths, sorted. A path may be a file; a missing one has none. */
export function filesUnder(paths) {
  const files = []
  const visit = (path) => {
    if (!existsSync(path)) return
    if (statSync(path).isFile()) files.push(path)
    else for (const name of readdirSync(path)) visit(join(path, name))
  }
  for (const path of paths) visit(path)
  return files.sort()
}

function digest(files, salt) {
  const hash = createHash('sha256').update(salt)
  for (const file of files) {
    const { size, mtimeMs } = statSync(file)
    hash.update(`${file}\0${size}\0${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

export class Stamp {
  #path
  #digest

  /** Takes the digest at once: a file that changes during the build makes the stamp stale. */
  constructor(path, inputs, salt = '') {
    this.#path = path
    this.#digest = digest(filesUnder(inputs), salt)
  }

  isFresh() {
    return existsSync(this.#path) && readFileSync(this.#path, 'utf8') === this.#digest
  }

  write() {
    mkdirSync(dirname(this.#path), { recursive: true })
    writeFileSync(this.#path, this.#digest)
  }
}
