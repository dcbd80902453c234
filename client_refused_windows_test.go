package ohce_test

// reportsPortUnreachable is false because Go disables SIO_UDP_CONNRESET on Windows.
const reportsPortUnreachable = false
