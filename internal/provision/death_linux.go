package provision

import "syscall"

// endWithParent has the kernel kill the child when we die, even by SIGKILL.
// PostgreSQL's own children notice their parent's death themselves.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
