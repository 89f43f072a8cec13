import { mkdir, writeFile } from 'node:fs/promises';
import { startDaemon } from './daemon.js';
import type { Home } from './home.js';
import type { Teardown } from './teardown.js';

/** A docker-registry of the suite's own. */
export interface DockerRegistry {
  readonly host: string;
  /** The `rootdirectory` it keeps its data in. */
  readonly folder: string;
}

/** Starts one below a home, on any free port, with deleting switched on; it ends with the suite. */
export async function startDockerRegistry(home: Home, teardown: Teardown): Promise<DockerRegistry> {
  const folder = home.path('docker-registry');
  await mkdir(folder, { recursive: true });
  const config = home.path('docker-registry.yml');
  await writeFile(
    config,
    JSON.stringify({
      version: '0.1',
      log: { level: 'info' },
      storage: { filesystem: { rootdirectory: folder }, delete: { enabled: true } },
      http: { addr: '127.0.0.1:0' },
    }),
  );
  const match = await startDaemon(home, teardown, 'docker-registry', ['serve', config], {
    ready: /listening on (127\.0\.0\.1:\d+)/,
    // It reads every REGISTRY_ variable as a part of its configuration.
    env: { REGISTRY_AUTH_FILE: undefined },
  });
  return { host: match[1] ?? '', folder };
}
