// lib/shadow: the 64-bit hash of the digest chain: xxHash64 of the library xxhash-wasm.
import createXxhash from 'xxhash-wasm';
import type { Hash64 } from './digest-chain.ts';

/** Loads the hash once per process. */
export const loadHash64 = async (): Promise<Hash64> => {
  const { h64, h64Raw } = await createXxhash();
  return { bytes: (input, seed) => h64Raw(input, seed), text: (input, seed) => h64(input, seed) };
};
