import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { freePort } from './relay.ts'
import { script } from './scripts.ts'

/** A real nginx with a certificate of its own, in front of a node. */
export interface Nginx {
  /** `https`; what is below `/kubo` wants the token. `/small` has nginx's own limit for uploads. */
  readonly url: string
  /** The same without TLS: it redirects there. */
  readonly plainUrl: string
  readonly certificate: string
  stop(): void
}

export interface NginxOptions {
  /** For its files. */
  readonly folder: string
  readonly nodePort: number
  readonly token: string
}

export async function startNginx({ folder, nodePort, token }: NginxOptions): Promise<Nginx> {
  mkdirSync(folder)
  const { certificate, key } = makeCertificate(folder)
  const [port, plainPort] = [await freePort(), await freePort()]
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  const pass = `proxy_pass http://127.0.0.1:${nodePort}/; proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off;`
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; user root; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log; events {}
    http {
      ${temp.join(' ')} access_log off;
      server { listen 127.0.0.1:${plainPort}; return 301 https://127.0.0.1:${port}$request_uri; }
      server {
        listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};
        location /kubo/ {
          if ($http_authorization != "${token}") { return 401; }
          client_max_body_size 0; ${pass}
        }
        location /small/ { ${pass} }
      }
    }`,
  )
  const nginx = (await script('nginx')).trim()
  const args = ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')]
  const child = Bun.spawn([nginx, ...args], { stdout: 'ignore', stderr: 'ignore' })
  const plainUrl = `http://127.0.0.1:${plainPort}`
  while (!(await answers(plainUrl))) {
    if (child.exitCode !== null) throw new Error(readFileSync(join(folder, 'error.log'), 'utf8'))
    await Bun.sleep(20)
  }
  return { url: `https://127.0.0.1:${port}`, plainUrl, certificate, stop: () => child.kill() }
}

function answers(url: string): Promise<boolean> {
  return fetch(url, { redirect: 'manual' }).then(
    () => true,
    () => false,
  )
}
