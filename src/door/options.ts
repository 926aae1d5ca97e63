/** How a front door is to be, as its flags say. What is left out is the default. */
export interface DoorOptions {
  /** Addresses may have a password in them: they stand in no argument, and with one in no file. */
  readonly api?: string
  readonly gateways?: readonly string[]
  /** 0: any that is free. */
  readonly port?: number
  readonly host?: string
  /** Every user of this machine may ask. */
  readonly isOpen?: boolean
  /** Nothing can be pushed. */
  readonly isReadOnly?: boolean
  /** What was fetched from IPFS is not kept. */
  readonly noPin?: boolean
  /** Milliseconds without data from IPFS. */
  readonly timeoutMs?: number
  /** Paths of files. */
  readonly tokenFile?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
}

export const DEFAULT_PORT = 5300
export const DEFAULT_HOST = '127.0.0.1'

/** The flags that say the same to `docker ipfs registry run`. */
export function argumentsOf(options: DoorOptions): string[] {
  const valued = [
    ['host', options.host],
    ['port', options.port],
    ['timeout', options.timeoutMs === undefined ? undefined : `${options.timeoutMs}ms`],
    ['tls-cert', options.tlsCert],
    ['tls-key', options.tlsKey],
    ['token-file', options.tokenFile],
  ] as const
  const switches = [
    ['no-pin', options.noPin],
    ['open', options.isOpen],
    ['read-only', options.isReadOnly],
  ] as const
  return [
    ...switches.flatMap(([name, isSet]) => (isSet ? [`--${name}`] : [])),
    ...valued.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
  ]
}

/** The settings that say the rest, by their names in the environment. */
export function settingsOf({ api, gateways }: DoorOptions): Record<string, string> {
  return {
    ...(api === undefined ? {} : { DOCKER_IPFS_API: api }),
    ...(gateways === undefined ? {} : { DOCKER_IPFS_GATEWAYS: gateways.join(' ') }),
  }
}

/** Whether a door that runs is as it is asked for; what is left out is the default, of addresses whatever they are. */
export function isMeant(asked: DoorOptions, running: DoorOptions): boolean {
  const port = asked.port === 0 ? running.port : asked.port
  const said = (options: DoorOptions) =>
    argumentsOf({ ...options, port: options.port ?? DEFAULT_PORT, host: options.host ?? DEFAULT_HOST }).join('\n')
  const has = settingsOf(running)
  const isElsewhere = Object.entries(settingsOf(asked)).some(([name, value]) => has[name] !== value)
  return said({ ...asked, ...(port === undefined ? {} : { port }) }) === said(running) && !isElsewhere
}

/** What may be written down of options. */
export function withoutSecrets({ api, gateways, ...rest }: DoorOptions): DoorOptions {
  const isPlain = (address: string) => !address.includes('@')
  return {
    ...rest,
    ...(api !== undefined && isPlain(api) ? { api } : {}),
    ...(gateways?.every(isPlain) ? { gateways } : {}),
  }
}

/** Where clients on this machine reach a door: what listens at all addresses is at that of loopback too. */
export function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  const reached = host === '0.0.0.0' || host === '::' ? DEFAULT_HOST : host
  return reached.includes(':') ? `[${reached}]:${port}` : `${reached}:${port}`
}
