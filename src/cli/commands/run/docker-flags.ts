/** The flags of `docker run` without their dashes. A letter stands for itself. */
export interface DockerFlags {
  /** Those that take no value. */
  readonly switches: ReadonlySet<string>
  readonly valued: ReadonlySet<string>
}

const SWITCHES =
  'detach d disable-content-trust init interactive i no-healthcheck oom-kill-disable privileged publish-all P read-only rm sig-proxy tty t use-api-socket'

const VALUED = `add-host annotation attach a blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile cpu-count
cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares c cpus cpuset-cpus cpuset-mems detach-keys device
device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops dns dns-opt dns-option dns-search domainname
entrypoint env e env-file expose gpus group-add health-cmd health-interval health-retries health-start-interval health-start-period
health-timeout hostname h io-maxbandwidth io-maxiops ip ip6 ipc isolation kernel-memory label l label-file link link-local-ip log-driver
log-opt mac-address memory m memory-reservation memory-swap memory-swappiness mount name net net-alias network network-alias
oom-score-adj pid pids-limit publish p pull restart runtime security-opt shm-size stop-signal stop-timeout storage-opt sysctl tmpfs
ulimit user u userns uts volume v volume-driver volumes-from workdir w`

/**
 * The flags of `docker run` in 20.10 to 28.2, those that its help hides included. A docker that has more is asked (`flagsIn`): that costs
 * 0.1 s, so it is asked only where a flag is not among these.
 */
export const KNOWN: DockerFlags = { switches: new Set(SWITCHES.split(' ')), valued: new Set(VALUED.split(/\s+/)) }

/** The flags of a help text, and those that are known anyway. */
export function flagsIn(help: string): DockerFlags {
  const switches = new Set(KNOWN.switches)
  const valued = new Set(KNOWN.valued)
  // Two spaces or more stand in front of the description.
  for (const [, letter, name = '', type] of help.matchAll(/^ +(?:-(\w), )?--([\w-]+)(?: (\S+))? {2,}\S/gm)) {
    const names = [name, ...(letter === undefined ? [] : [letter])]
    for (const each of names) (type === undefined ? switches : valued).add(each)
  }
  return { switches, valued }
}
