// The certificates of the tests: see certificates/make.sh.

import { readSource } from '../packaging/repository.js'

const pem = (name: string): string => readSource(`test/tls/certificates/${name}.pem`)

/** A certificate with its key, as the options of node:tls name them. */
export interface Identity {
  cert: string
  key: string
}

const identity = (name: string): Identity => ({ cert: pem(name), key: pem(`${name}.key`) })

/** Who signed all of them but the stranger's. */
export const ca = pem('authority')
/** For localhost, 127.0.0.1 and ::1. */
export const server = identity('server')
/** For other.example. */
export const other = identity('other')
export const client = identity('client')
/** For localhost, until the first of February 2020. */
export const expired = identity('expired')
/** For localhost, signed by nobody but itself. */
export const stranger = identity('stranger')
