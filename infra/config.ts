// infra: the small configuration of a deployment, from CDK context.
// in: context values · out: checked configuration
import { z } from 'zod';

const Text = z.string().min(1);
const Environment = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string());

const Context = z.object({
  /** The name of the application that reads the streams. */
  application: Text.default('penumbra'),
  /** Names of streams, separated by commas. */
  streams: Text.transform((text) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  ),
  /** ECS services that run workers and whose desired count a policy may set: `cluster/service`, separated by commas. */
  workerServices: z
    .string()
    .regex(/^[\w-]+\/[\w-]+(,[\w-]+\/[\w-]+)*$/, 'must be cluster/service, separated by commas')
    .transform((text) =>
      text.split(',').map((each) => {
        const [cluster = '', service = ''] = each.split('/');
        return { cluster, service };
      }),
    )
    .default([]),
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, 'a stack name begins with a letter and has letters, digits and - only')
    .default('Penumbra'),
  /** `true` removes the tables with the stack: for trials. */
  removeTables: z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]).default(false),
  /** Only for a deployment on this machine: where Kinesis is, as seen by the functions. */
  localKinesisEndpoint: z.url({ protocol: /^https?$/ }).optional(),
  /** JSON object of further environment variables of the functions. */
  functionEnvironment: z
    .unknown()
    .transform((given, context): unknown => {
      if (typeof given !== 'string') return given;
      try {
        return JSON.parse(given) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: `must be a JSON object, got ${given}` });
        return z.NEVER;
      }
    })
    .pipe(Environment)
    .default({}),
});

export interface Config extends Omit<z.output<typeof Context>, 'streams' | 'application'> {
  readonly streams: readonly { readonly application: string; readonly streamName: string }[];
}

/** Reads the configuration. Fails with each context key that is missing or wrong. */
export const configOf = (contextValue: (key: string) => unknown): Config => {
  const given = Object.fromEntries(
    Object.keys(Context.shape).flatMap((key) => (contextValue(key) === undefined ? [] : [[key, contextValue(key)]])),
  );
  const parsed = Context.safeParse(given);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(
      (issue) => `-c ${issue.path.join('.')}: ${issue.message}, got ${JSON.stringify(given[String(issue.path[0])])}`,
    );
    throw new Error(
      `the configuration does not fit. ${wrong.join('; ')}. Example: cdk deploy -c application=orders -c streams=orders,clicks`,
    );
  }
  const { application, streams, ...rest } = parsed.data;
  return { ...rest, streams: streams.map((streamName) => ({ application, streamName })) };
};
