// PostgreSQL through pg, whose connections are Gyre's, by TCP, by a Unix socket and with pg's own TLS.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after } from 'node:test'
import { type ConnectionOptions, openConnection, run, sleep, waitFor, wrap } from 'gyre'
import { type TransportDuplex, toDuplex } from 'gyre/node'
import pg from 'pg'
import { rejectionOf } from '../thrown.js'
import { ca, server as identity } from '../tls/certificates.js'
import { freePort, Peers, testWithPeers, unprivileged } from './peer.js'

const MIB = 1024 * 1024

/** Debian keeps the server's programs beside the path. */
const INSTALLED = '/usr/lib/postgresql'
for (const version of existsSync(INSTALLED) ? readdirSync(INSTALLED) : []) {
  process.env.PATH += delimiter + join(INSTALLED, version, 'bin')
}

interface Postgres {
  tcp: ConnectionOptions
  unix: ConnectionOptions
}

async function startPostgres(peers: Peers): Promise<Postgres> {
  const port = await freePort()
  const directory = peers.path('.')
  const data = peers.path('data')
  const [cert, key] = [peers.path('cert.pem'), peers.path('key.pem')]
  writeFileSync(cert, identity.cert)
  writeFileSync(key, identity.key)
  chmodSync(key, 0o600)
  if (unprivileged !== null) {
    for (const path of [directory, cert, key]) {
      chownSync(path, unprivileged.uid, unprivileged.gid)
    }
  }
  const how = ['--auth=trust', '--username=gyre', '--no-locale', '--encoding=UTF8', '--no-sync']
  const made = await peers.start('initdb', [`--pgdata=${data}`, ...how], { unprivileged: true })
  assert.equal(await made.ended, 0, made.stderr.toString())
  const settings = { fsync: 'off', ssl: 'on', ssl_cert_file: cert, ssl_key_file: key }
  const given = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  await peers.start(
    'postgres',
    ['-D', data, '-k', directory, '-h', '127.0.0.1', '-p', String(port), ...given],
    { ready: { prints: /ready to accept connections/ }, unprivileged: true },
  )
  return {
    tcp: { host: '127.0.0.1', port },
    unix: { path: join(directory, `.s.PGSQL.${port}`) },
  }
}

/** One server for all tests, as making a cluster takes seconds. */
const peers = new Peers()
let starting: Promise<Postgres> | null = null
after(() => peers.end())

function testWithPostgres(name: string, body: (postgres: Postgres) => Promise<void>): void {
  testWithPeers(['initdb', 'postgres'], name, async () => {
    starting ??= startPostgres(peers)
    const postgres = await starting
    await run(() => body(postgres))
  })
}

/** What pg is told to connect with: streams on connections of Gyre's. */
function configured(to: ConnectionOptions, more: pg.ClientConfig = {}): pg.ClientConfig {
  const stream = () => toDuplex(openConnection(to))
  return { user: 'gyre', database: 'postgres', ...more, stream: stream as never }
}

async function withClient(
  to: ConnectionOptions,
  body: (client: pg.Client) => Promise<void>,
  more: pg.ClientConfig = {},
): Promise<void> {
  const client = new pg.Client(configured(to, more))
  await client.connect()
  try {
    await body(client)
  } finally {
    await client.end()
  }
}

const codeOf = (error: unknown) => (error as { code?: string }).code

const md5 = (data: string | Buffer) => createHash('md5').update(data).digest('hex')

/** Errors do not end this waiting. */
const endOf = (client: pg.Client) => new Promise((resolve) => client.once('end', resolve as never))

/** The stream that a client talks on. */
const streamOf = (client: pg.Client) =>
  (client as unknown as { connection: { stream: TransportDuplex } }).connection.stream

for (const way of ['tcp', 'unix'] as const) {
  testWithPostgres(`pg asks, and is told of mistakes, by ${way}`, (postgres) =>
    withClient(postgres[way], async (client) => {
      const asked = 'select $1::int + 1 as next, $2::text as word, $3::text as nothing'
      const { rows } = await client.query(asked, [41, 'käse', null])
      assert.deepEqual(rows, [{ next: 42, word: 'käse', nothing: null }])
      const error = await rejectionOf(client.query('select 1 / 0'))
      assert.equal(codeOf(error), '22012')
      await client.query('begin')
      await client.query('create table notes (text text)')
      await client.query({ name: 'put', text: 'insert into notes values ($1)', values: ['a'] })
      await client.query({ name: 'put', text: 'insert into notes values ($1)', values: ['b'] })
      const found = await client.query('select string_agg(text, $1) as all from notes', ['+'])
      assert.equal(found.rows[0].all, 'a+b')
      await client.query('rollback')
    }),
  )
}

testWithPostgres('large results and large parameters come through whole', (postgres) =>
  withClient(postgres.tcp, async (client) => {
    const count = 200_000
    const text = `select n, md5(n::text) as hash from generate_series(1, ${count}) as n`
    const { rows } = await client.query({ text, rowMode: 'array' })
    assert.equal(rows.length, count)
    for (const n of [1, 2, 77_777, count]) assert.deepEqual(rows[n - 1], [n, md5(String(n))])
    const sent = randomBytes(16 * MIB)
    const { rows: back } = await client.query('select $1::bytea as data, md5($1::bytea) as hash', [
      sent,
    ])
    assert.equal(back[0].hash, md5(sent))
    assert.ok(sent.equals(back[0].data))
  }),
)

testWithPostgres('a pool of clients asks side by side', async (postgres) => {
  const pool = new pg.Pool({ ...configured(postgres.tcp), max: 20 })
  const asked = Array.from({ length: 1000 }, async (_, i) => {
    const { rows } = await pool.query('select $1::int as n, pg_backend_pid() as pid', [i])
    return rows[0] as { n: number; pid: number }
  })
  const answers = await Promise.all(asked)
  assert.deepEqual(
    answers.map(({ n }) => n),
    answers.map((_, i) => i),
  )
  assert.equal(new Set(answers.map(({ pid }) => pid)).size, 20)
  await pool.end()
})

testWithPostgres('notifications come to who listens, without a question', (postgres) =>
  withClient(postgres.tcp, (listener) =>
    withClient(postgres.unix, async (speaker) => {
      const heard: string[] = []
      const last = new Promise<void>((resolve) => {
        listener.on('notification', ({ channel, payload }) => {
          heard.push(`${channel} ${payload}`)
          if (payload === 'last') resolve()
        })
      })
      await listener.query('listen news')
      for (const word of ['first', 'second', 'last']) {
        await speaker.query("select pg_notify('news', $1)", [word])
      }
      await last
      assert.deepEqual(heard, ['news first', 'news second', 'news last'])
    }),
  ),
)

const pidOf = async (client: pg.Client) =>
  (await client.query('select pg_backend_pid() as pid')).rows[0].pid as number

testWithPostgres('a statement that is cancelled fails, and the connection goes on', (postgres) =>
  withClient(postgres.tcp, (client) =>
    withClient(postgres.tcp, async (other) => {
      const pid = await pidOf(client)
      const failed = rejectionOf(client.query('select pg_sleep(60)'))
      const isAsleep = async () => {
        const text = "select wait_event = 'PgSleep' as asleep from pg_stat_activity where pid = $1"
        return (await other.query(text, [pid])).rows[0].asleep === true
      }
      while (!(await isAsleep())) await sleep(1)
      await other.query('select pg_cancel_backend($1)', [pid])
      const code = codeOf(await failed)
      assert.equal(code, '57014')
      assert.equal(await pidOf(client), pid)
    }),
  ),
)

testWithPostgres('a server that hangs up is an error of the client, once', (postgres) =>
  withClient(postgres.tcp, async (other) => {
    const client = new pg.Client(configured(postgres.tcp))
    await client.connect()
    const errors: unknown[] = []
    client.on('error', (error) => errors.push(codeOf(error)))
    const ended = endOf(client)
    await other.query('select pg_terminate_backend($1)', [await pidOf(client)])
    await ended
    // The server says why before it hangs up; pg tells of that, and then of the hanging up.
    assert.equal(errors[0], '57P01')
    assert.equal(streamOf(client).destroyed, true)
  }),
)

testWithPostgres(
  'who gives a question up drops its connection, and the server notices',
  (postgres) =>
    withClient(postgres.tcp, async (other) => {
      const client = new pg.Client(configured(postgres.tcp))
      await client.connect()
      client.on('error', () => {})
      await client.query("set client_connection_check_interval = '10ms'")
      const pid = await pidOf(client)
      const asking = wrap(client.query('select pg_sleep(60)'))
      const late = await rejectionOf(waitFor(asking, 20))
      assert.equal((late as Error).name, 'TimeoutError')
      const ended = endOf(client)
      streamOf(client).destroy()
      await ended
      const isThere = async () => {
        const text = 'select count(*)::int as count from pg_stat_activity where pid = $1'
        return (await other.query(text, [pid])).rows[0].count === 1
      }
      while (await isThere()) await sleep(5)
    }),
)

testWithPostgres('pg does its own TLS on a connection of Gyre’s', async (postgres) => {
  const ssl = { ca, servername: 'localhost' }
  await withClient(
    postgres.tcp,
    async (client) => {
      const { rows } = await client.query(
        'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()',
      )
      assert.deepEqual(rows, [{ ssl: true, version: 'TLSv1.3' }])
      const sent = randomBytes(4 * MIB)
      const { rows: back } = await client.query('select md5($1::bytea) as hash', [sent])
      assert.equal(back[0].hash, md5(sent))
    },
    { ssl },
  )
  const stranger = new pg.Client(configured(postgres.tcp, { ssl: { servername: 'localhost' } }))
  stranger.on('error', () => {})
  assert.equal(codeOf(await rejectionOf(stranger.connect())), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
})

testWithPostgres('nobody there is an error of the connecting', async () => {
  const client = new pg.Client(configured({ host: '127.0.0.1', port: await freePort() }))
  client.on('error', () => {})
  assert.equal(codeOf(await rejectionOf(client.connect())), 'ECONNREFUSED')
})
