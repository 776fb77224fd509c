// orders-consumer: what the task definition says.
// in: environment variables · out: settings, or an error that names every variable that is missing
import type { AwsConfig } from 'penumbra';

export interface Settings {
  readonly application: string;
  readonly streamName: string;
  /** The stack's tables. */
  readonly tables: Pick<AwsConfig, 'leaseTable' | 'workerTable' | 'demandTable' | 'controlTable'>;
  /** Where the totals are kept: partition key `customerId`, a string. */
  readonly totalsTable: string;
  readonly healthPort: number;
}

/** Reads the environment. */
export const settingsOf = (env: Readonly<Record<string, string | undefined>>): Settings => {
  const missing: string[] = [];
  const text = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') missing.push(name);
    return value ?? '';
  };
  const healthPort = Number(env.HEALTH_PORT ?? '8080');
  if (!Number.isInteger(healthPort) || healthPort < 1 || healthPort > 65_535)
    throw new RangeError(`HEALTH_PORT must be a port from 1 to 65535, got ${env.HEALTH_PORT}`);
  const settings: Settings = {
    application: text('APPLICATION'),
    streamName: text('STREAM_NAME'),
    tables: {
      leaseTable: text('LEASE_TABLE'),
      workerTable: text('WORKER_TABLE'),
      demandTable: text('DEMAND_TABLE'),
      controlTable: text('CONTROL_TABLE'),
    },
    totalsTable: text('TOTALS_TABLE'),
    healthPort,
  };
  if (missing.length > 0)
    throw new TypeError(`the environment must have ${missing.join(', ')}, got none of them; set them in the task definition`);
  return settings;
};

/** The availability zone of an ECS task, so that shadows can stand in another one; `unknown` elsewhere. */
export const zoneOf = async (env: Readonly<Record<string, string | undefined>>): Promise<string> => {
  const metadata = env.ECS_CONTAINER_METADATA_URI_V4;
  if (metadata === undefined) return 'unknown';
  const answer = await fetch(`${metadata}/task`, { signal: AbortSignal.timeout(2_000) });
  const { AvailabilityZone } = (await answer.json()) as { AvailabilityZone?: string };
  return AvailabilityZone ?? 'unknown';
};
