import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { ConsumerOptions } from '../../lib/consumer/consumer-options.ts';
import { ConsumerSettings } from '../../lib/consumer/options.ts';

type Settings = z.input<typeof ConsumerSettings>;
type Documented = Omit<ConsumerOptions, 'ports' | 'processor' | 'candidate' | 'results' | 'onEvent' | 'hooks' | 'random'>;

/** Compiles only while both say the same: each setting by the same name and type. */
const same = {
  accepted: (options: Documented): Settings => options,
  documented: (settings: Settings): Documented => settings,
  missing: (name: Exclude<keyof Settings, keyof Documented>): never => name,
  superfluous: (name: Exclude<keyof Documented, keyof Settings>): never => name,
};

const source = readFileSync(join(import.meta.dirname, '../../lib/consumer/consumer-options.ts'), 'utf8');
const defaults = ConsumerSettings.parse({ application: 'a', streamName: 's' });

describe('ConsumerOptions', () => {
  it('takes what the settings take', () => {
    const options: Documented = { application: 'a', streamName: 's', retries: { attempts: 2 }, initialPosition: { at: 5 } };
    expect(ConsumerSettings.parse(same.accepted(options))).toMatchObject({ retries: { attempts: 2, firstMs: 100 } });
  });

  it.each(Object.keys(defaults).filter((name) => !['application', 'streamName', 'workerId'].includes(name)))(
    'documents %s with the default that it has',
    (name) => {
      const documented = new RegExp(`/\\*\\*(?:(?!\\*/)[^])*@default ([^\\n]*?)\\s*\\*/\\s*readonly ${name}\\?`).exec(
        source,
      )?.[1];
      const value = defaults[name as keyof typeof defaults];
      const text = JSON.stringify(value).replaceAll('"', "'");
      expect(documented?.replace(/\s/g, '').replace(/(\w+):/g, "'$1':")).toBe(text);
    },
  );
});
