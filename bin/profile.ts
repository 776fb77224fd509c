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
}

/** The part of the request that makes it a profiling shadow; which numbers are allowed the API says. */
export const profileAsked = ({
  profile,
  share,
  minutes,
}: ProfileOptions): { kind: 'asked'; body: object } | { kind: 'refused'; message: string } => {
  if (profile === undefined)
    return share === undefined && minutes === undefined
      ? { kind: 'asked', body: {} }
      : { kind: 'refused', message: `--share and --minutes are only allowed with --profile, got ${share ?? minutes}` };
  for (const [name, text] of Object.entries({ '--share': share, '--minutes': minutes }))
    if (text !== undefined && (text.trim() === '' || !Number.isFinite(Number(text))))
      return { kind: 'refused', message: `${name} must be a number, got ${text}` };
  const fields = {
    ...(share === undefined ? {} : { share: Number(share) }),
    ...(minutes === undefined ? {} : { durationMin: Number(minutes) }),
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
