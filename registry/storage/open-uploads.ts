import { OciError } from '../../oci/index.js';
import type { Quotas } from './quotas.js';
import type { Reservation } from './reservation.js';

/** Uploads that are open: how many, and the room in quotas that each of them holds from its first byte to its end. */
export class OpenUploads {
  readonly #quotas: Quotas;
  readonly #most: number;
  readonly #rooms = new Map<string, Reservation>();

  /** @param most uploads that may be open at once */
  constructor(quotas: Quotas, most: number) {
    this.#quotas = quotas;
    this.#most = most;
  }

  /** @throws OciError `TOOMANYREQUESTS` when no more may be opened */
  requirePlace(): void {
    if (this.#rooms.size < this.#most) return;
    throw new OciError(
      'TOOMANYREQUESTS',
      `${this.#rooms.size} uploads are open, no more than ${this.#most} may be: end some, or try again later`,
      { detail: { limit: this.#most } },
    );
  }

  /** The room of an upload. One that was not known counts from now on. */
  room(id: string, repo: string): Reservation {
    const room = this.#rooms.get(id) ?? this.#quotas.reservation(repo);
    this.#rooms.set(id, room);
    return room;
  }

  /** Gives back what an upload held. */
  end(id: string): void {
    this.#rooms.get(id)?.release();
    this.#rooms.delete(id);
  }
}
