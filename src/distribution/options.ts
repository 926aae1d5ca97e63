/** A request that was answered, for the log. */
export interface RequestEntry {
  readonly method: string
  /** As it was sent, with its query; printable characters alone. */
  readonly path: string
  /** 0 where nothing was answered, since the client was gone. */
  readonly status: number
  /** Bytes of the answer's body that were sent. */
  readonly bytes: number
  /** Bytes of the request's body that were read. */
  readonly received: number
  readonly milliseconds: number
  readonly agent: string
  /** Why it was refused, or broken off. */
  readonly error?: string
  /** Root CID of the image, where the answer names it. */
  readonly root?: string
}

/** Both ends of a connection. */
export interface Connection {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
}

/** Something for people to look at, where no path of the protocol is. */
export interface Page {
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** Such as Content-Security-Policy. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface ServeOptions {
  /** 0 or none: any that is free. */
  readonly port?: number
  /** Where it listens; 127.0.0.1 unless said. Elsewhere than on loopback `token` and `tls` are needed. */
  readonly host?: string
  readonly signal: AbortSignal
  /** Told of each request when it is over. */
  readonly onRequest?: (entry: RequestEntry) => void
  /** What clients must send: as the password of Basic, or as Bearer. */
  readonly token?: string
  /** In PEM. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Asked once for each connection, when its first request comes. */
  readonly mayAsk?: (connection: Connection) => boolean | Promise<boolean>
  readonly page?: (path: string, signal: AbortSignal) => Promise<Page | undefined>
  /** Whether an upload whose connection broke can be gone on with, which it can unless said. */
  readonly resumesUploads?: boolean
  /** An upload that nobody goes on with is forgotten after so many milliseconds; 10 minutes unless said. */
  readonly forgetUploadAfter?: number
  /** A client that takes or gives no byte for so many milliseconds is cut off; 30 minutes unless said. */
  readonly cutClientAfter?: number
  /** A blob that was broken off since its bytes were wrong is refused for so many milliseconds; 30 s unless said. */
  readonly refuseWrongFor?: number
}
