// console/bundle-page: the page's script as one file.
// in: the sources · out: JavaScript for a browser
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Bundles the script of the page. */
export const bundlePage = async (): Promise<string> => {
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL('./console.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
  });
  return bundled.outputFiles[0]!.text;
};
