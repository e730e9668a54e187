/** The product's mark, as in icon.svg. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <rect width="32" height="32" rx="8" />
    <path d="M10.500 12.500 14 19M21.500 12.500 18 19M12 10.500h8M6.400 10.500a2.600 2.600 0 1 0 5.200 0 2.600 2.600 0 1 0-5.200 0M20.400 10.500a2.600 2.600 0 1 0 5.200 0 2.600 2.600 0 1 0-5.200 0M13.400 22a2.600 2.600 0 1 0 5.200 0 2.600 2.600 0 1 0-5.200 0" />
  </svg>
);
