/** Drawn for this page: 24 by 24, by line. They stand beside words or in buttons that have a name, so readers skip them. */
const PATHS = {
  network:
    "M6 7.500a2.500 2.500 0 1 0 0-.01ZM18 7.500a2.500 2.500 0 1 0 0-.01ZM12 19a2.500 2.500 0 1 0 0-.01ZM8.500 7.500h7M7.300 9.600l3.400 6.900M16.700 9.600l-3.400 6.900",
  alarms: "M12 4 21 19.500H3ZM12 10v4.500m0 2.500v.1",
  audit: "M6 3.500h12v17H6ZM9 8h6M9 12h6M9 16h3.500",
  traffic: "M4 19.500v-6m5.300 6V4.500m5.400 15v-9m5.300 9V8",
  configuration:
    "M4 7h9m4 0h3M4 17h3m4 0h9M15 4.700a2.300 2.300 0 1 0 0 4.600 2.300 2.300 0 0 0 0-4.600ZM9 14.700a2.300 2.300 0 1 0 0 4.600 2.300 2.300 0 0 0 0-4.600Z",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  reset: "M5 5v5h5M5.500 10a7.500 7.500 0 1 1-1 4",
  light:
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  dark: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500Z",
  system: "M3.500 5h17v11h-17ZM9 20h6M12 16v4",
  out: "M10 4.500H5v15h5M9.500 12H20m-4-4 4 4-4 4",
  edit: "M4 20l1-4.500L16.500 4l3.500 3.500L8.500 19ZM14 6.500l3.500 3.500",
  cut: "M7 17.500a2.500 2.500 0 1 0 0-.01ZM17 17.500a2.500 2.500 0 1 0 0-.01ZM8.500 15.500 16.500 4M15.500 15.500 7.500 4",
  restore: "M5 5v5h5M5.500 10a7.500 7.500 0 1 1-1 4M12 8.500V12l2.500 2",
  eye: "M2.500 12c4-7.300 15-7.300 19 0-4 7.300-15 7.300-19 0ZM12 9.300a2.700 2.700 0 1 0 0 5.400 2.700 2.700 0 0 0 0-5.400Z",
  back: "M14.500 5.500 8 12l6.500 6.500",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} />
  </svg>
);
