import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsoleServer, startConsole } from '../../console/server.ts';
import { fixture } from './fixture.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));

describe.skipIf(CHROMIUM === undefined)('the console’s page', () => {
  let browser: Browser;
  let server: ConsoleServer;
  let body: (path: string) => unknown = () => ({});
  let status = 200;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--headless', '--no-sandbox', '--disable-gpu'] });
    const opened = await startConsole(
      { url: 'http://127.0.0.1:9/', application: 'demo', streamName: 'orders' },
      0,
      async (_, path) => ({ status, body: JSON.stringify(body(path)) }),
    );
    if (opened.kind === 'refused') throw new Error(opened.message);
    server = opened.server;
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const open = async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(server.url);
    return { page, errors };
  };

  it('shows shards, forecast, plans, shadows, handovers and workers', async () => {
    const answers = fixture(Date.now()) as Record<string, unknown>;
    body = (path) => answers[path];
    const { page, errors } = await open();
    await page.waitForSelector('#space svg .shard');
    expect(await page.locator('#space svg .shard').count()).toBe(5);
    expect(await page.locator('#space svg .shard').last().getAttribute('aria-label')).toContain(
      '84 % now, 112 % foreseen, owner worker-b',
    );
    expect(await page.locator('#forecast svg path.band.next').count()).toBe(1);
    expect(await page.locator('#forecast svg path.observed').count()).toBe(1);
    expect(await page.locator('#forecast svg .event').count()).toBe(2);
    expect(await page.locator('#forecast svg .event-name').allTextContents()).toEqual([
      'flash-sale ×3',
      '<i>load test</i> not learnt from',
    ]);
    expect(await page.locator('#forecast [data-id=events] summary').textContent()).toContain('2 known events');
    expect(await page.locator('#plans').textContent()).toContain(
      'shardId-000000000003 already takes 84 % of its records (target 80 %)',
    );
    expect(await page.locator('#moves').textContent()).toContain('31 ms');
    expect(await page.locator('#moves [aria-current=step]').textContent()).toBe('Redirect');
    expect(await page.locator('#shadows').textContent()).toContain('1,840 records');
    expect(await page.locator('#profiles').textContent()).toContain('at 384 records/s');
    expect(await page.locator('#profiles p').textContent()).toContain(
      'split: A split leaves 50 % of the load in the fuller child.',
    );
    expect(await page.locator('#profiles tbody tr').count()).toBe(2);
    expect(await page.locator('#tuning').textContent()).toContain('concurrencyPerShard4 → 8kept');
    expect(await page.locator('#workers > ul > li').count()).toBe(3);
    expect(await page.locator('#freshness').textContent()).toContain('live');
    expect(errors).toEqual([]);
    await page.close();
  });

  it('reads single minutes of the forecast by the arrow keys', async () => {
    const answers = fixture(Date.now()) as Record<string, unknown>;
    body = (path) => answers[path];
    const { page } = await open();
    await page.waitForSelector('#forecast svg');
    await page.focus('#forecast svg');
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#forecast .tip').textContent()).toMatch(/foreseen [\d.]+\/s, 90 % between/);
    await page.keyboard.press('ArrowLeft');
    expect(await page.locator('#forecast .tip').textContent()).toContain('came');
    await page.close();
  });

  it('never takes text from the API as markup', async () => {
    const answers = fixture(Date.now());
    answers['/plans'].plans[0]!.actions[0]!.reason = '<img src=x onerror="document.title=1"> reason';
    body = (path) => (answers as Record<string, unknown>)[path];
    const { page } = await open();
    await page.waitForSelector('#plans .action');
    expect(await page.locator('#plans img').count()).toBe(0);
    expect(await page.locator('#plans').textContent()).toContain('<img src=x');
    await page.close();
  });

  it('says what it waits for when there is nothing yet', async () => {
    const answers = fixture(Date.now()) as unknown as Record<string, Record<string, unknown>>;
    Object.assign(answers['/fleet']!, { shards: [], workers: [], observedUntilMs: null });
    Object.assign(answers['/predictions']!, { series: [] });
    Object.assign(answers['/shadow/monitor']!, { shadows: [], handovers: [], outcomes: [] });
    Object.assign(answers['/plans']!, { plans: [] });
    body = (path) => answers[path];
    const { page, errors } = await open();
    await page.waitForSelector('#glance .tile');
    for (const [id, text] of Object.entries({
      space: 'No shards known yet',
      forecast: 'No forecast yet',
      plans: 'No plan yet',
      moves: 'Nothing has moved yet',
      workers: 'No worker has registered yet',
      shadows: 'No standby shadow now',
    })) {
      expect(await page.locator(`#${id}`).textContent()).toContain(text);
    }
    expect(errors).toEqual([]);
    await page.close();
  });

  it('says so when the API answers with an error, and what it said', async () => {
    status = 404;
    body = () => ({ error: 'UnknownStream', message: 'stream orders is not managed here' });
    const { page } = await open();
    await page.waitForSelector('#problem:not([hidden])');
    expect(await page.locator('#problem').textContent()).toContain('stream orders is not managed here');
    status = 200;
    await page.close();
  });
});
