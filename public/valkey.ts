// public: what `import … from 'penumbra/valkey'` gives: results of profiling shadows in Valkey or Redis. Apart from the others, since it needs the peer @redis/client.

export type { ValkeyOptions, ValkeyResults } from '../lib/adapters/valkey/valkey-results.ts';
export { valkeyResults } from '../lib/adapters/valkey/valkey-results.ts';
