import { OciError, isOciError } from '../../../oci/index.js';
import type { Store } from '../../../registry/storage/store.js';
import { problemsOf } from './consistency.js';
import { Disk } from './disk.js';
import { Ledger } from './ledger.js';
import { SCENE_RULES, play, push, resume, type Scene } from './scenario.js';
import { Died } from './steps.js';

/** What goes wrong at a step: the power, the process, or the medium, which is full or broken. */
export type Mishap = 'power' | 'kill' | 'full' | 'broken';

export const MISHAPS: readonly Mishap[] = ['power', 'kill', 'full', 'broken'];
export const KINDS = ['auto', 'leveldb'] as const;
type Kind = (typeof KINDS)[number];

interface Play extends Omit<Scene, 'store' | 'onFailure'> {
  readonly disk: Disk;
  readonly ledger: Ledger;
  open(): Promise<Store>;
}

function prepare(kind: Kind, seed: number): Play {
  const disk = new Disk(kind, seed);
  const clock = { time: 1_000_000 };
  let ids = 0;
  const options = { rules: SCENE_RULES, now: () => clock.time, newId: () => `id${ids++}` };
  return {
    disk,
    clock,
    ledger: new Ledger(),
    uploads: new Map(),
    finishing: new Map(),
    open: () => disk.open(options),
  };
}

/** How many steps the scenario takes when nothing goes wrong. */
export async function countSteps(kind: Kind, seed: number): Promise<number> {
  const scene = prepare(kind, seed);
  await play({ ...scene, store: await scene.open(), onFailure: (error) => Promise.reject(error) });
  return scene.disk.steps.count;
}

const ERRORS: Readonly<Record<Mishap, () => Error>> = {
  power: () => new Died(),
  kill: () => new Died(),
  full: () => new OciError('STORE_FULL', 'No space left on device'),
  broken: () => new Error('Input/output error'),
};

/**
 * Plays the scenario with one mishap, opens the store again and looks at everything.
 * @returns what is wrong
 */
export async function mishapAt(step: number, mishap: Mishap, kind: Kind, seed: number): Promise<string[]> {
  const scene = prepare(kind, seed);
  const { disk, ledger, clock } = scene;
  const problems: string[] = [];
  const dies = mishap === 'power' || mishap === 'kill';
  disk.steps.arm(step, dies ? 'die' : 'fail', ERRORS[mishap]);
  try {
    const store = await scene.open();
    const onFailure = async (error: unknown): Promise<void> => {
      if (mishap === 'full' && !isOciError(error, 'STORE_FULL'))
        problems.push(`a full disk was answered with ${String(error)}`);
      problems.push(...(await ledger.check(store)), ...(await problemsOf(store)));
      // Looking leased what it found.
      clock.time += 5000;
    };
    await play({ ...scene, store, onFailure });
  } catch (error) {
    // Opening and closing are not tried again by anybody.
    if (!disk.steps.hit) throw error;
  }
  if (mishap === 'kill') disk.kill();
  else disk.losePower();
  if (dies && disk.random.chance(0.5)) await openAndDie(scene);
  disk.steps.disarm();
  return [...problems, ...(await lookAt(scene, mishap === 'kill'))];
}

/** It may go wrong again while the store is put right. */
async function openAndDie(scene: Play): Promise<void> {
  const { disk } = scene;
  disk.steps.arm(1 + disk.random.below(6), 'die');
  await scene.open().catch((error: unknown) => {
    if (!disk.steps.hit) throw error;
  });
  disk.kill();
}

/** Opens the store and looks at all that should be there, and that it can do what it could. */
async function lookAt(scene: Play, kept: boolean): Promise<string[]> {
  const { ledger, clock } = scene;
  const store = await scene.open();
  const problems = [...(await ledger.check(store)), ...(await problemsOf(store))];
  await push(store);
  problems.push(...(await resume(store, scene, kept)));
  clock.time += 200_000;
  await store.collect({ untagged: true });
  problems.push(...(await problemsOf(store, { orphans: true })));
  await store.repositories.delete('fresh');
  problems.push(...(await problemsOf(store, { orphans: true })));
  await store.close();
  return problems;
}
