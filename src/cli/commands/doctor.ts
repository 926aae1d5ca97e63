import type { Finding } from '../../doctor/finding.ts'
import { DockerIpfsError } from '../../errors.ts'
import { rowFormat } from '../../output/rows.ts'
import { table } from '../../output/table.ts'
import { defineCommand } from '../command.ts'
import { api, format } from '../options.ts'

const ROWS = {
  heads: { Part: 'PART', Check: 'CHECK', State: 'STATE', Found: 'FOUND', Todo: 'TO DO' },
  shown: ['Part', 'Check', 'State', 'Found', 'Todo'],
}

export const doctor = defineCommand({
  name: 'doctor',
  usage: 'docker ipfs doctor [OPTIONS]',
  summary: 'Look at the engine, the node, the plugin and the settings, and say what is wrong',
  arity: [0, 0],
  options: [api, format],
  async run(context, { flags }) {
    const { lines } = rowFormat(flags.format, ROWS)
    const [{ examine }, patient] = await Promise.all([import('../../doctor/doctor.ts'), context.patient(flags.api)])
    const findings = await examine(patient)
    const text = flags.format === undefined ? findingLines(findings) : lines(findings.map(rowOf))
    for (const line of text) await context.output.line(line)
    const failed = findings.filter(({ state }) => state === 'fail').length
    if (failed > 0) throw new DockerIpfsError('UNHEALTHY', `${failed} of ${findings.length} checks failed`)
  },
})

function rowOf({ part, check, state, found, todo }: Finding) {
  return { Part: part, Check: check, State: state, Found: found, Todo: todo }
}

/** What is to be done stands below what was found. */
function findingLines(findings: readonly Finding[]): string[] {
  const rows = findings.flatMap(({ part, check, state, found, todo }) => {
    const row = [state, `${part} ${check}`, found]
    return todo === '' ? [row] : [row, ['', '', `-> ${todo}`]]
  })
  return table(['STATE', 'CHECK', 'FOUND'], rows)
}
