/** Drawn for this page: 24 by 24, by line. They stand beside words or in buttons that have a name, so readers skip them. */
const PATHS = {
  key: "M8 15.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM11.5 12H21m-3.5 0v3.5",
  pad: "M5 4h11l3 3v13H5ZM9 9h6M9 13h6M9 17h3",
  clip: "m20 11.5-8 8a5 5 0 0 1-7-7l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7L9.8 17a1.6 1.6 0 0 1-2.3-2.3l7.4-7.4",
  send: "M4 12 20 4l-5 16-3.5-6.5ZM11.5 13.5 20 4",
  call: "M6 3.5h3l1.5 4.5-2 1.5a12 12 0 0 0 6 6l1.5-2 4.5 1.5v3a2 2 0 0 1-2 2A16 16 0 0 1 4 5.5a2 2 0 0 1 2-2Z",
  hangUp: "M3 14.5v-2c5-4.3 13-4.3 18 0v2l-4.5 1-1-3a13 13 0 0 0-7 0l-1 3Z",
  microphone: "M12 3.5a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0V6A2.5 2.5 0 0 1 12 3.5ZM6 11a6 6 0 0 0 12 0m-6 6v3.5",
  muted:
    "M14.5 9V6a2.5 2.5 0 0 0-5 0v5a2.5 2.5 0 0 0 4 2M6 11a6 6 0 0 0 9.5 4.9M18 11a6 6 0 0 1-.6 2.6M12 17v3.5M4 4l16 16",
  info: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM12 11v5.5M12 7.5v.1",
  close: "M6 6l12 12M18 6 6 18",
  file: "M6 3.5h8l4 4v13H6ZM14 3.5v4h4",
  save: "M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 20h14",
  check: "m5 12.5 4.5 4.5L19 7.5",
  wait: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM12 7.5V12l3 2",
  out: "M10 4.5H5v15h5M9.5 12H20m-4-4 4 4-4 4",
  direct: "M4 12h16m-4-4 4 4-4 4M8 8l-4 4 4 4",
  room: "M7 17.5a4 4 0 0 1 .5-8 5 5 0 0 1 9.6 1.2A3.5 3.5 0 0 1 17 17.5Z",
  warn: "M12 4 21 19.5H3ZM12 10v4.5m0 2.5v.1",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} />
  </svg>
);
