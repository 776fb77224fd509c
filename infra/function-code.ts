// infra: all functions as one asset: esbuild bundles them in one pass (under a second, without Docker) and shares what they have in common.
// An installed package brings them bundled, and needs no esbuild.
// in: functions/*.ts · out: a directory with one module per function, chunks, and the forecasting library's WebAssembly beside them
import { copyFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssetHashType } from 'aws-cdk-lib';
import { Code, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type FunctionName, needs } from '../functions/needs.ts';

const FUNCTIONS = fileURLToPath(new URL('../functions/', import.meta.url));
/** Where the build of the package puts them. */
const BUNDLED = fileURLToPath(new URL('../lambda/', import.meta.url));
/** Some libraries in the bundle are CommonJS and ask for `require`. */
const REQUIRE =
  "import{createRequire as createRequireForBundle}from'node:module';const require=createRequireForBundle(import.meta.url);";

/** Bundles every function into `outDir`. */
export const bundleFunctions = (outDir: string): void => {
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  const names = Object.keys(needs) as FunctionName[];
  buildSync({
    entryPoints: names.map((name) => join(FUNCTIONS, `${name}.ts`)),
    outdir: outDir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunk-[hash]',
    minify: true,
    banner: { js: REQUIRE },
    legalComments: 'none',
    logLevel: 'error',
  });
  const library = dirname(createRequire(import.meta.url).resolve('@bsull/augurs/ets'));
  for (const file of readdirSync(library).filter((name) => name === 'ets_bg.wasm' || name === 'mstl_bg.wasm'))
    copyFileSync(join(library, file), join(outDir, file));
};

/** The code of all functions; the handler of each is `<name>.handler`. */
export const functionCode = (): Code => {
  if (!import.meta.url.endsWith('.ts')) return Code.fromAsset(BUNDLED);
  return Code.fromAsset(FUNCTIONS, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never used: the local bundling always succeeds or throws.
      image: Runtime.NODEJS_24_X.bundlingImage,
      local: {
        tryBundle: (outDir) => {
          bundleFunctions(outDir);
          return true;
        },
      },
    },
  });
};
