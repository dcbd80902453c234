package ohce_test

// reportsPortUnreachable: Go keeps Windows from failing reads for an ICMP "port unreachable".
const reportsPortUnreachable = false
