// bin/policy: what the owner of a stream allows, from the command line.
// in: words, a file · out: the policy as the deployed control plane has it; one line and exit 2 for what contradicts itself
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { z } from 'zod';
import { Override, type Policy } from '../lib/model/policy.ts';
import { PolicyToSet } from '../lib/plan/policy-to-set.ts';
import { asked, type Connection, print, refuse } from './ask.ts';
import { type Checked, ok, refused } from './checked.ts';
import { minutesOf } from './duration.ts';
import { type PolicyBody, policyText } from './tables.ts';

const sentenceOf = ({ issues }: z.ZodError): string =>
  issues.map((issue) => `${issue.path.join('.') || 'policy'}: ${issue.message}`).join('; ');

/** A policy as a file states it, completed by `complete`; what both leave out takes its default. */
export const readPolicy = async (file: string, complete: (read: PolicyBody) => Checked<PolicyBody>): Promise<Checked<Policy>> => {
  let read: unknown;
  try {
    read = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    return refused(`${file}: ${error instanceof SyntaxError ? `is not JSON: ${error.message}` : 'cannot be read'}`);
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) return refused(`${file}: must be a JSON object`);
  const whole = complete(read as PolicyBody);
  if (whole.kind === 'refused') return refused(`${file}: ${whole.message}`);
  const checked = PolicyToSet.safeParse(whole.value);
  return checked.success ? ok(checked.data) : refused(`${file}: ${sentenceOf(checked.error)}`);
};

/** The names of the command line, which a file may repeat and not contradict. */
export const named =
  ({ application, stream: streamName }: Connection) =>
  (read: PolicyBody): Checked<PolicyBody> => {
    const names = { application, streamName };
    const others = Object.entries(names).filter(([name, value]) => read[name] !== undefined && read[name] !== value);
    return others.length === 0
      ? ok({ ...read, ...names })
      : refused(others.map(([name, value]) => `${name} must be ${value} as on the command line, got ${read[name]}`).join('; '));
  };

export interface OverrideWords {
  readonly for?: string;
  readonly reason?: string;
  readonly mode?: string;
  readonly minShards?: string;
  readonly maxShards?: string;
  readonly target?: string;
}

/** The override that the words mean: what a person wants instead, and until when. */
export const overrideOf = (given: OverrideWords, nowMs: number): Checked<Override> => {
  const minutes = minutesOf(given.for);
  if (minutes === null || minutes === 0)
    return refused(`--for must be a duration like 90m, 2h or 3d, got ${given.for ?? 'none'}`);
  if (given.reason === undefined) return refused('--reason must say why, got none');
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  const wanted = {
    mode: given.mode,
    minShards: number(given.minShards),
    maxShards: number(given.maxShards),
    targetUtilization: number(given.target),
  };
  const stated = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  if (Object.keys(stated).length === 0)
    return refused('one of --mode, --min-shards, --max-shards, --target must be given, got none');
  const checked = Override.safeParse({ untilMs: nowMs + minutes * 60_000, reason: given.reason, ...stated });
  return checked.success ? ok(checked.data) : refused(`override.${sentenceOf(checked.error)}`);
};

/** Adds `policy get`, `policy set`, `policy override` and `policy resume`. */
export const addPolicy = (program: Command, connected: (parent: Command, name: string, description: string) => Command): void => {
  const policy = program.command('policy').description('what the owner of a stream allows');
  const put = async (given: Connection, body: unknown) =>
    print(given, await asked<PolicyBody>(given, 'PUT', '/policies', { body }), policyText);
  connected(policy, 'get', 'the policy of the stream').action(async (given: Connection) =>
    print(given, await asked<PolicyBody>(given, 'GET', '/policies'), policyText),
  );
  connected(policy, 'set <file>', 'set the policy of the stream from a JSON file; what it leaves out takes its default').action(
    async (file: string, given: Connection) => {
      const read = await readPolicy(file, named(given));
      return read.kind === 'refused' ? refuse(read.message) : put(given, read.value);
    },
  );
  connected(policy, 'override', 'for a while something else than the policy says; it ends by itself')
    .option('--for <duration>', 'how long: 90m, 2h, 3d')
    .option('--reason <text>', 'why, for whoever reads the plans')
    .option('--mode <mode>', 'observe, recommend or act')
    .option('--min-shards <count>', 'at least so many shards')
    .option('--max-shards <count>', 'at most so many shards')
    .option('--target <share>', 'targetUtilization, in (0, 1)')
    .action(async (given: Connection & OverrideWords) => {
      const override = overrideOf(given, Date.now());
      if (override.kind === 'refused') return refuse(override.message);
      const present = await asked<PolicyBody>(given, 'GET', '/policies');
      if (present === null) return;
      const checked = PolicyToSet.safeParse({ ...present, override: override.value });
      return checked.success ? put(given, checked.data) : refuse(sentenceOf(checked.error));
    });
  connected(policy, 'resume', 'end an override: the policy holds again').action(async (given: Connection) => {
    const present = await asked<PolicyBody>(given, 'GET', '/policies');
    if (present === null) return;
    const { override: _, ...rest } = present;
    await put(given, rest);
  });
};
