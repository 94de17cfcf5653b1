/** Bytes of a JPEG, PNG, WebP, BMP or TIFF; in Node also the path of one. */
export type Picture = Blob | ArrayBuffer | ArrayBufferView | string | URL;

/** Fields of the contract's `RecognitionConfig`; names may also be in camelCase. */
export interface Config {
  features?: ("text" | "plates" | "vehicles")[];
  layout?: "scene" | "line" | "plate";
  script_hints?: string[];
  min_confidence?: number;
  cache_policy?: "use" | "bypass";
  romanize?: boolean;
  words?: boolean;
}

export interface CallOptions extends Config {
  signal?: AbortSignal;
  /** Seconds within which the server must answer. */
  deadline?: number;
}

export interface StreamOptions extends Config {
  signal?: AbortSignal;
  /** Frames that are sent before their results are back; 2 keep a server busy. */
  inFlight?: number;
  /** For runtimes without one. */
  WebSocket?: typeof WebSocket;
}

export interface ClientOptions {
  /** Sent as `Authorization: Bearer TOKEN`. */
  token?: string;
  /** How often a call is tried again when the server answers 429 or 503. Default: 3. */
  retries?: number;
  /** Seconds that all waits of one call may take together. Default: 60. */
  longestWait?: number;
  /** In place of `globalThis.fetch`. */
  fetch?: typeof fetch;
}

export interface Point { x: number; y: number }
export interface Box { x_min: number; y_min: number; x_max: number; y_max: number }

export interface TextLine {
  text: string;
  script: string;
  confidence: number;
  polygon: [Point, Point, Point, Point];
  romanized: string;
}

export interface Registration {
  canonical: string;
  valid: boolean;
  format: string;
  country: string;
  region_code: string;
  region_name: string;
  category: string;
  vehicle_class: string;
  lot: string;
  number: string;
  romanized: string;
  character_confidences: number[];
  alternatives: string[];
}

export interface Plate {
  text: string;
  confidence: number;
  box: Box;
  lines: TextLine[];
  registration: Registration;
  colour: string;
  colour_confidence: number;
  category_conflict: boolean;
  vehicle_index: number | null;
}

export interface Vehicle {
  label: string;
  confidence: number;
  box: Box;
  track_id: number | null;
  plate_indices: number[];
}

export interface Recognition {
  image_width: number;
  image_height: number;
  vehicles: Vehicle[];
  plates: Plate[];
  text_lines: TextLine[];
  cache_outcome: string;
  models: { name: string; version: string; sha256: string }[];
  timings: Record<string, number>;
  rotation_degrees: number;
}

export type BatchItem =
  | { recognition: Recognition; error?: undefined }
  | { recognition?: undefined; error: LipiyanaError };

export type FrameResult = BatchItem & { frameId: number; droppedFrameIds: number[] };

export interface Models {
  models: { name: string; version: string; sha256: string; task: string }[];
  features: string[];
  layouts: string[];
  labels: string[];
  max_batch: number;
  max_message_bytes: number;
  version: string;
}

/** What went wrong, as the server says it. */
export class LipiyanaError extends Error {
  /** The code of gRPC, such as `INVALID_ARGUMENT`. */
  readonly code: string;
  /** What it was about, such as `TRUNCATED_IMAGE`. */
  readonly reason: string;
  /** The status of HTTP; 0 if there was no answer. */
  readonly status: number;
  readonly field: string;
  /** Seconds after which another try makes sense. */
  readonly retryAfter?: number;
  readonly requestId: string;
}

export class Client {
  constructor(address: string, options?: ClientOptions);
  recognize(picture: Picture, options?: CallOptions): Promise<Recognition>;
  batch(pictures: Iterable<Picture>, options?: CallOptions): Promise<BatchItem[]>;
  models(options?: { signal?: AbortSignal }): Promise<Models>;
  stream(
    frames: Iterable<Picture> | AsyncIterable<Picture>,
    options?: StreamOptions,
  ): AsyncGenerator<FrameResult, void, undefined>;
}
