import { describe, expect, it } from 'vitest';
import { textAfter, wholeNumber } from '../../bench/options.ts';

describe('wholeNumber', () => {
  it('reads what follows the option, and knows what holds without it', () => {
    expect(wholeNumber(['--quick', '--kills', '7'], '--kills', 24, 2)).toBe(7);
    expect(wholeNumber(['--quick'], '--kills', 24, 2)).toBe(24);
  });

  it.each([
    [['--kills', '1'], '1'],
    [['--kills', '2.5'], '2.5'],
    [['--kills', 'many'], 'many'],
    [['--kills'], 'nothing'],
  ])('fails on %j with what was received and what is allowed', (options, got) => {
    expect(() => wholeNumber(options, '--kills', 24, 2)).toThrow(`--kills must be a whole number of at least 2, got ${got}`);
  });
});

describe('textAfter', () => {
  it('is undefined where the option is not given or nothing follows', () => {
    expect([textAfter(['--peer', 'x'], '--peer'), textAfter([], '--peer'), textAfter(['--peer'], '--peer')]).toEqual([
      'x',
      undefined,
      undefined,
    ]);
  });
});
