// bin/profile: what the command line has of profiling shadows beside their creation.
// in: words · out: a report as a table or a page; a run that is told to end
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ProfileReport } from '../lib/model/profile-report.ts';
import { asked, type Connection, print, refuse } from './ask.ts';
import { profileHtml } from './profile-html.ts';
import { profileText } from './profile-text.ts';

export interface ProfileOptions {
  readonly profile?: true;
  readonly share?: string;
  readonly minutes?: string;
  readonly budget?: string;
  readonly candidate?: true;
  readonly compare?: string;
  readonly ignore?: readonly string[];
}

/** The part of the request that makes it a profiling shadow; which numbers are allowed the API says. */
export const profileAsked = ({
  profile,
  ...options
}: ProfileOptions): { kind: 'asked'; body: object } | { kind: 'refused'; message: string } => {
  const { share, minutes, budget, candidate, compare, ignore } = options;
  if (profile === undefined) {
    const [first] = Object.entries({ share, minutes, budget, candidate, compare, ignore }).filter(
      ([, text]) => text !== undefined,
    );
    return first === undefined
      ? { kind: 'asked', body: {} }
      : { kind: 'refused', message: `--${first[0]} is only allowed with --profile, got ${first[1]}` };
  }
  if (ignore !== undefined && compare === undefined)
    return { kind: 'refused', message: `--ignore is only allowed with --compare, got ${ignore.join(' ')}` };
  for (const [name, text] of Object.entries({ '--share': share, '--minutes': minutes, '--budget': budget }))
    if (text !== undefined && (text.trim() === '' || !Number.isFinite(Number(text))))
      return { kind: 'refused', message: `${name} must be a number, got ${text}` };
  const fields = {
    ...(share === undefined ? {} : { share: Number(share) }),
    ...(minutes === undefined ? {} : { durationMin: Number(minutes) }),
    ...(budget === undefined ? {} : { budgetUsd: Number(budget) }),
    ...(candidate === undefined ? {} : { other: { processor: 'candidate' } }),
    ...(compare === undefined ? {} : { compare: { with: compare, ...(ignore === undefined ? {} : { ignore }) } }),
  };
  return { kind: 'asked', body: { kind: 'profiling', ...(Object.keys(fields).length === 0 ? {} : { profile: fields }) } };
};

/** Adds `report` and `stop`. */
export const addProfileCommands = (
  shadow: Command,
  connected: (parent: Command, name: string, description: string) => Command,
): void => {
  connected(shadow, 'report <profileId>', 'what a profiling shadow has taught: capacity, limit, stages, keys, recommendations')
    .option('--html <file>', 'also write it as a page with plots')
    .action(async (profileId: string, given: Connection & { html?: string }) => {
      const report = await asked<ProfileReport>(given, 'GET', `/profiles/${encodeURIComponent(profileId)}`);
      if (report === null) return;
      if (given.html !== undefined) {
        try {
          await writeFile(given.html, profileHtml(report));
        } catch (error) {
          return refuse(`--html ${given.html} cannot be written: ${error instanceof Error ? error.message : error}`);
        }
      }
      print(given, report, profileText);
    });
  connected(shadow, 'stop <profileId>', 'end a profiling shadow before its time; what it has measured is analysed').action(
    async (profileId: string, given: Connection) => {
      const body = { application: given.application, streamName: given.stream, profileId };
      print(given, await asked<{ state: string }>(given, 'POST', '/shadow/stop', { body }), () => `${profileId} is told to end`);
    },
  );
};
