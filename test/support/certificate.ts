import { join } from 'node:path'
import { run } from './scripts.ts'

/** Files of a certificate for 127.0.0.1, in PEM. */
export interface Certificate {
  readonly certificate: string
  readonly key: string
}

/** Makes a certificate that signs itself, in a folder. */
export function makeCertificate(folder: string): Certificate {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  const names = ['-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  run('openssl', ['req', '-x509', ...curve, '-days', '2', ...names, '-keyout', key, '-out', certificate])
  return { certificate, key }
}
